"""The expression nets of two other browser libraries as teachers, read from their npm packages (both MIT).

`npm ci` in tests/commands/speed/bench-peers installs them: @vladmandic/face-api and @vladmandic/human.
"""

import json
import os

import numpy as np
import torch
import torch.nn.functional as F

from .errors import BadInput
from .graph import convolve, same_padding

# Where each of data.py's LABELS stands among their outputs.
FACE_API_PLACES = [3, 5, 4, 1, 0, 2, 6]
HUMAN_PLACES = [0, 1, 2, 3, 6, 4, 5]
FACE_API_MEAN = (122.782, 117.001, 104.298)


def read_weights(path, manifest):
    """{name: float32 or int32 array} of a tfjs weights file, by the entries of its manifest."""
    try:
        blob = np.fromfile(path, np.uint8).tobytes()
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}; `npm ci` in tests/commands/speed/bench-peers brings it") from None
    weights, offset = {}, 0
    for entry in manifest:
        quantized = entry.get("quantization")
        kind = np.dtype(quantized["dtype"] if quantized else entry["dtype"]).newbyteorder("<")
        array = np.frombuffer(blob, kind, int(np.prod(entry["shape"])), offset).reshape(entry["shape"])
        offset += array.nbytes
        if quantized and "scale" in quantized:
            array = array.astype(np.float32) * np.float32(quantized["scale"]) + np.float32(quantized["min"])
        weights[entry["name"]] = array if array.dtype.kind == "i" else array.astype(np.float32)
    if offset != len(blob):
        raise BadInput(f"{path}: holds {len(blob)} bytes, its manifest describes {offset}")
    return weights


def read_json(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}; `npm ci` in tests/commands/speed/bench-peers brings it") from None


def depthwise(x, weight, stride):
    """x [n,c,h,w], weight [kh,kw,c,1]; SAME padding."""
    before, after = same_padding(x.shape[-1], weight.shape[0], stride)
    weight = torch.as_tensor(weight).permute(2, 3, 0, 1)
    return F.conv2d(F.pad(x, (before, after, before, after)), weight, stride=stride, groups=x.shape[1])


class FaceApi:
    """face-api's FaceExpressionNet: four blocks of depthwise-separable convolutions on 112x112 colour pixels."""

    def __init__(self, folder):
        models = os.path.join(folder, "@vladmandic", "face-api", "model")
        manifest = read_json(os.path.join(models, "face_expression_model-weights_manifest.json"))[0]
        self.weights = read_weights(os.path.join(models, "face_expression_model.bin"), manifest["weights"])

    def layer(self, x, name, stride=1):
        w = {part: torch.as_tensor(self.weights[f"{name}/{part}"]) for part in ("filters", "depthwise_filter", "pointwise_filter", "bias") if f"{name}/{part}" in self.weights}
        if "filters" in w:
            x = convolve(x, w["filters"].permute(3, 0, 1, 2), stride)
        else:
            x = F.conv2d(depthwise(x, w["depthwise_filter"], stride), w["pointwise_filter"].permute(3, 2, 0, 1))
        return x + w["bias"].view(1, -1, 1, 1)

    def block(self, x, name):
        first = F.relu(self.layer(x, f"{name}/conv0", 2))
        total = first
        for i in (1, 2, 3):
            total = total + self.layer(F.relu(total), f"{name}/conv{i}")
        return F.relu(total)

    def __call__(self, gray):
        """Probabilities [n,7] of faces [n,1,48,48] in gray levels 0..255."""
        x = F.interpolate(gray, size=112, mode="bilinear", align_corners=False).expand(-1, 3, -1, -1)
        x = (x - torch.tensor(FACE_API_MEAN).view(1, 3, 1, 1)) / 255
        for i in range(4):
            x = self.block(x, f"dense{i}")
        features = x.mean((2, 3))  # of the 7x7 that are left
        logits = features @ torch.as_tensor(self.weights["fc/weights"]) + torch.as_tensor(self.weights["fc/bias"])
        return torch.softmax(logits, 1)[:, FACE_API_PLACES]


class Human:
    """human's emotion model: a small Xception on 64x64 gray pixels, run node by node from its graph."""

    def __init__(self, folder):
        models = os.path.join(folder, "@vladmandic", "human", "models")
        graph = read_json(os.path.join(models, "emotion.json"))
        self.nodes = graph["modelTopology"]["node"]
        self.weights = read_weights(os.path.join(models, "emotion.bin"), graph["weightsManifest"][0]["weights"])

    def __call__(self, gray):
        """Probabilities [n,7] of faces [n,1,48,48] in gray levels 0..255."""
        x = F.interpolate(gray / 255, size=64, mode="bilinear", align_corners=False)
        values = {}
        for node in self.nodes:
            if node["op"] == "Const":
                values[node["name"]] = self.weights[node["name"]]
            elif node["op"] == "Placeholder":
                values[node["name"]] = (x - 0.5) * 2
            else:
                values[node["name"]] = run_node(node, [values[name] for name in node["input"]])
        return values[self.nodes[-1]["name"]][:, HUMAN_PLACES]


def run_node(node, inputs):
    """One node of a tfjs graph, on [n,c,h,w]."""
    op, attr = node["op"], node.get("attr", {})
    x = inputs[0]
    stride = int(attr["strides"]["list"]["i"][1]) if "strides" in attr else 1
    if op == "_FusedConv2D":
        weight = torch.as_tensor(inputs[1]).permute(3, 0, 1, 2)
        valid = attr["padding"]["s"] == "VkFMSUQ="
        y = F.conv2d(x, weight.permute(0, 3, 1, 2), stride=stride) if valid else convolve(x, weight, stride)
        y = y + torch.as_tensor(inputs[2]).view(1, -1, 1, 1)
        return F.relu(y) if "UmVsdQ==" in attr["fused_ops"]["list"]["s"] else y
    if op == "DepthwiseConv2dNative":
        return depthwise(x, inputs[1], stride)
    if op == "MaxPool":
        before, after = same_padding(x.shape[-1], 3, stride)
        return F.max_pool2d(F.pad(x, (before, after, before, after), value=-np.inf), 3, stride)
    if op == "AddV2":
        return x + inputs[1]
    if op == "Relu":
        return F.relu(x)
    if op == "Mean":
        return x.mean((2, 3))
    if op == "Softmax":
        return torch.softmax(x, 1)
    if op == "Identity":
        return x
    raise BadInput(f"human's emotion model has a node '{node['name']}' of the kind {op}, which peers.py does not know")
