"""Writes layers (graph.py) as a tfjs graph model: model.json and weights.bin."""

import base64
import json
import os

import numpy as np


def attr_string(text):
    return base64.b64encode(text.encode()).decode()


FLOAT = {"type": "DT_FLOAT"}
SAME = {"s": attr_string("SAME")}
NHWC = {"s": attr_string("NHWC")}


class GraphWriter:
    """Collects nodes and weights. storage: how matrices are stored, "uint8" or "float16"; vectors stay float32."""

    def __init__(self, storage):
        self.storage = storage
        self.nodes, self.specs, self.blobs = [], [], []

    def node(self, name, op, inputs=(), **attr):
        self.nodes.append({"name": name, "op": op, "input": list(inputs), "attr": attr})
        return name

    def constant(self, name, value):
        """A weight; float matrices in the chosen storage, the rest as they are."""
        integer = value.dtype == np.int32
        kind = "DT_INT32" if integer else "DT_FLOAT"
        shape = {"dim": [{"size": str(n)} for n in value.shape]}
        self.node(name, "Const", dtype={"type": kind}, value={"tensor": {"dtype": kind, "tensorShape": shape}})
        spec = {"name": name, "shape": list(value.shape), "dtype": "int32" if integer else "float32"}
        if not integer and value.ndim > 1:
            value, spec["quantization"] = stored(value, self.storage)
        self.specs.append(spec)
        self.blobs.append(np.ascontiguousarray(value).tobytes())
        return name

    def write(self, folder):
        """model.json and weights.bin into `folder`."""
        shape = [{"size": str(n)} for n in (-1, 48, 48, 1)]
        signature = {
            "inputs": {"input": {"name": "input:0", "dtype": "DT_FLOAT", "tensorShape": {"dim": shape}}},
            "outputs": {"logits": {"name": "logits:0", "dtype": "DT_FLOAT", "tensorShape": {"dim": [{"size": "-1"}, {"size": "7"}]}}},
        }
        model = {
            "format": "graph-model",
            "generatedBy": "emotion-cam models/training",
            "convertedBy": None,
            "signature": signature,
            "modelTopology": {"node": self.nodes, "library": {}, "versions": {"producer": 1}},
            "weightsManifest": [{"paths": ["weights.bin"], "weights": self.specs}],
        }
        with open(os.path.join(folder, "weights.bin"), "wb") as file:
            file.write(b"".join(self.blobs))
        with open(os.path.join(folder, "model.json"), "w", encoding="utf-8") as file:
            json.dump(model, file, separators=(",", ":"))
            file.write("\n")


def stored(value, storage):
    """(stored array, tfjs's quantization entry) of a float32 matrix."""
    if storage == "float16":
        return value.astype(np.float16), {"dtype": "float16", "original_dtype": "float32"}
    low, high = float(value.min()), float(value.max())
    scale = (high - low) / 255 or 1.0
    # Zero stays exactly zero, as tfjs's own converter has it.
    low = round(low / scale) * scale
    steps = np.clip(np.round((value - low) / scale), 0, 255).astype(np.uint8)
    return steps, {"dtype": "uint8", "scale": scale, "min": low, "original_dtype": "float32"}


def restored(value, storage):
    """What tfjs makes of a matrix that was stored so."""
    array, entry = stored(value, storage)
    if storage == "float16":
        return array.astype(np.float32)
    return (array.astype(np.float32) * np.float32(entry["scale"]) + np.float32(entry["min"])).astype(np.float32)


def fused(writer, op, name, source, weight, bias, relu, **attr):
    """A _FusedConv2D or _FusedMatMul with bias and perhaps ReLU."""
    steps = ["BiasAdd", "Relu"] if relu else ["BiasAdd"]
    inputs = [source, writer.constant(f"{name}/weights", weight), writer.constant(f"{name}/bias", bias)]
    return writer.node(name, op, inputs, T=FLOAT, num_args={"i": "1"}, epsilon={"f": 0.0},
                       fused_ops={"list": {"s": [attr_string(s) for s in steps]}}, **attr)


def write_conv(writer, layer):
    strides = {"list": {"i": ["1", str(layer.stride), str(layer.stride), "1"]}}
    ones = {"list": {"i": ["1", "1", "1", "1"]}}
    name = f"{layer.name}/sum" if layer.residual else layer.name
    conv = f"{layer.name}/conv" if layer.residual else layer.name
    fused(writer, "_FusedConv2D", conv, layer.inputs[0], layer.weight.transpose(1, 2, 3, 0), layer.bias, layer.relu and not layer.residual,
          strides=strides, dilations=ones, padding=SAME, data_format=NHWC, explicit_paddings={"list": {}})
    if layer.residual:
        writer.node(name, "AddV2", [conv, layer.residual], T=FLOAT)
        writer.node(layer.name, "Relu", [name], T=FLOAT)


def write_dense(writer, layer, flat):
    """flat: whether the input is already [n, k]."""
    source = layer.inputs[0]
    if not flat:
        shape = writer.constant(f"{layer.name}/shape", np.array([-1, layer.weight.shape[3]], np.int32))
        source = writer.node(f"{layer.name}/flat", "Reshape", [source, shape], T=FLOAT, Tshape={"type": "DT_INT32"})
    no = {"b": False}
    fused(writer, "_FusedMatMul", layer.name, source, np.ascontiguousarray(layer.weight[:, 0, 0].T), layer.bias, layer.relu, transpose_a=no, transpose_b=no)


def write_graph(layers, folder, storage):
    """The whole model; the input is `input` [-1,48,48,1], already standardised, the output `logits` [-1,7]."""
    writer = GraphWriter(storage)
    shape = {"dim": [{"size": str(n)} for n in (-1, 48, 48, 1)]}
    writer.node("input", "Placeholder", dtype=FLOAT, shape={"shape": shape})
    flat = set()
    for layer in layers:
        if layer.op == "conv":
            write_conv(writer, layer)
        elif layer.op == "maxpool":
            size = {"list": {"i": ["1", str(layer.kernel), str(layer.kernel), "1"]}}
            strides = {"list": {"i": ["1", str(layer.stride), str(layer.stride), "1"]}}
            writer.node(layer.name, "MaxPool", layer.inputs, T=FLOAT, ksize=size, strides=strides, padding=SAME, data_format=NHWC, explicit_paddings={"list": {}})
        elif layer.op == "avgpool":
            axes = writer.constant(f"{layer.name}/axes", np.array([1, 2], np.int32))
            writer.node(layer.name, "Mean", [layer.inputs[0], axes], T=FLOAT, Tidx={"type": "DT_INT32"}, keep_dims={"b": False})
            flat.add(layer.name)
        else:
            write_dense(writer, layer, layer.inputs[0] in flat)
            flat.add(layer.name)
    writer.write(folder)
