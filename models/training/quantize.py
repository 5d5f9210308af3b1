"""The integer network: int8 weights per output channel, activations in 0..127. README.md describes the file format.

Every stored value is an unsigned byte q in 0..127 that stands for (q - zero) * scale. zero is 0 after a ReLU; it is
64 for the input and for the one layer without ReLU (the seed's `low`). Padding bytes hold the input's zero, so the
border is exactly 0. A convolution adds up int32 products of weights and bytes; what the zero contributes is already
in the bias:

    sum  = bias[c] + SUM w[c] * q_in              (bias in units of inScale * wScale[c])
    real = sum * inScale * wScale[c]  [+ q_res * resScale]
    q    = clamp(round(real / outScale) + outZero, 0, 127)

The last layer's real values are the logits.
"""

import copy
import json
import os
from dataclasses import dataclass

import numpy as np
import torch

from .evaluate import standardise
from .graph import convolve, flatten, run_layer

TOP = 127
MIDDLE = 64
SHARES = np.linspace(0.3, 1.0, 29)  # of the largest value seen: candidates for what 127 stands for


@dataclass
class Scale:
    scale: float
    zero: int = 0


@dataclass
class QuantizedLayer:
    """layer: name, op, stride and so on, without weights; weight int8 [out,kh,kw,in]; scales float32 [out]; bias int32 [out]."""

    layer: object
    source: Scale
    output: Scale
    residual: Scale = None
    weight: np.ndarray = None
    scales: np.ndarray = None
    bias: np.ndarray = None


def input_scale(std):
    """Of the byte gray >> 1: it stands for gray = 2 q + 0.5 on average, so for (2 q + 0.5 - mean) / std. With zero
    64 that is (q - 64) * 2 / std, plus (128.5 - mean) / std, which is 0 where the contract's mean is 128.5; elsewhere
    it goes into the first bias."""
    return Scale(2 / std, MIDDLE)


def round_weights(layer):
    """(int8 [out,kh,kw,in], scales float32 [out]): one scale an output channel, so that its largest weight is layer.top."""
    largest = np.abs(layer.weight.reshape(len(layer.weight), -1)).max(1)
    scales = np.maximum(largest / layer.top, 1e-12).astype(np.float32)
    steps = np.round(layer.weight / scales.reshape(-1, 1, 1, 1))
    return np.clip(steps, -layer.top, layer.top).astype(np.int8), scales


def on_grid(layers):
    """The layers with their weights rounded to what int8 can hold: the float artifact of a quantized model."""
    rounded = copy.deepcopy(layers)
    for layer in rounded:
        if layer.weight is not None:
            steps, scales = round_weights(layer)
            layer.weight = (steps * scales.reshape(-1, 1, 1, 1)).astype(np.float32)
    return rounded


def best_scale(values, signed):
    """The Scale with the least squared error on sampled values (float32 [n])."""
    top = TOP - MIDDLE if signed else TOP
    zero = MIDDLE if signed else 0
    largest = max(float(np.abs(values).max()), 1e-6)

    def error(share):
        scale = largest * share / top
        return np.mean((np.clip(np.round(values / scale) + zero, 0, TOP) - zero - values / scale) ** 2) * scale**2

    return Scale(largest * min(SHARES, key=error) / top, zero)


def calibrate(layers, images, mean, std, batch=100):
    """{layer name: Scale} of every stored activation, from faces uint8 [n,48,48]."""
    samples = {layer.name: [] for layer in layers}
    pick = np.random.default_rng(3)
    for part in torch.as_tensor(images).split(batch):
        values = {"input": standardise(part, mean, std)}
        for layer in layers:
            values[layer.name] = run_layer(layer, values)
            flat = values[layer.name].flatten().numpy()
            samples[layer.name].append(np.append(pick.choice(flat, min(len(flat), 20000)), flat.max()))
    scales = {"input": input_scale(std)}
    for layer in layers:
        if layer.op == "maxpool":
            scales[layer.name] = scales[layer.inputs[0]]
        else:
            scales[layer.name] = best_scale(np.concatenate(samples[layer.name]), not layer.relu and layer.op != "avgpool")
    return scales


def quantize(layers, scales, mean, std):
    """QuantizedLayers of float layers (graph.py) with the activations' scales."""
    result = []
    for layer in layers:
        source = scales[layer.inputs[0]]
        quantized = QuantizedLayer(layer, source, scales[layer.name], scales.get(layer.residual))
        if layer.weight is not None:
            steps, quantized.scales = round_weights(layer)
            quantized.weight = steps
            totals = steps.reshape(len(steps), -1).astype(np.float64).sum(1)
            unit = source.scale * quantized.scales.astype(np.float64)
            offset = (128.5 - mean) / std / source.scale if layer.inputs[0] == "input" else 0.0
            quantized.bias = np.round(layer.bias / unit + (offset - source.zero) * totals).astype(np.int32)
        result.append(quantized)
    return result


def stored_bytes(real, scale):
    return torch.clamp(torch.round(real / scale.scale) + scale.zero, 0, TOP)


def run_quantized_layer(quantized, values):
    """One layer on bytes (held in float tensors, exact). Returns bytes, or the logits for the last layer."""
    layer = quantized.layer
    x = values[layer.inputs[0]]
    if layer.op == "maxpool":
        return torch.nn.functional.max_pool2d(x, layer.kernel, layer.stride, ceil_mode=True)
    if layer.op == "avgpool":
        return stored_bytes(x.mean((2, 3)) * quantized.source.scale, quantized.output)
    weight = torch.as_tensor(quantized.weight)
    unit = torch.as_tensor(quantized.source.scale * quantized.scales.astype(np.float64)).to(torch.float64)
    bias = torch.as_tensor(quantized.bias)
    if layer.op == "dense":
        real = (flatten(x).double() @ weight[:, 0, 0].double().T + bias) * unit
    else:
        # float32 holds these sums exactly up to 2^24; a rare larger one is off by a unit or two.
        sums = convolve(x, weight.float(), layer.stride, quantized.source.zero)
        real = (sums + bias.view(1, -1, 1, 1)) * unit.view(1, -1, 1, 1).float()
    if layer.residual:
        real = real + values[layer.residual] * quantized.residual.scale
    if layer.name == "logits":
        return real.float()
    return stored_bytes(real, quantized.output).float()


def run_quantized(network, images, batch=200):
    """Logits [n,7] of faces uint8 [n,48,48] by the integer network."""
    logits = []
    for part in torch.as_tensor(images).split(batch):
        values = {"input": (part >> 1).float().unsqueeze(1)}
        for quantized in network:
            values[quantized.layer.name] = run_quantized_layer(quantized, values)
        logits.append(values["logits"])
    return torch.cat(logits)


def described(scale):
    return {"scale": scale.scale, "zero": scale.zero}


def write_quantized(network, folder, name):
    """quant.json and quant.bin into `folder`."""
    blob = bytearray()

    def place(array):
        blob.extend(b"\0" * (-len(blob) % 16))
        offset = len(blob)
        blob.extend(np.ascontiguousarray(array).tobytes())
        return offset

    entries = []
    for quantized in network:
        layer = quantized.layer
        entry = {"name": layer.name, "op": layer.op, "inputs": layer.inputs, "in": described(quantized.source)}
        if layer.op in ("conv", "maxpool"):
            entry |= {"kernel": layer.kernel, "stride": layer.stride, "padding": "SAME"}
        if layer.weight is not None:
            entry |= {"relu": layer.relu, "weightShape": list(quantized.weight.shape), "weightOffset": place(quantized.weight),
                      "scaleOffset": place(quantized.scales.astype("<f4")), "biasOffset": place(quantized.bias.astype("<i4"))}
        if layer.residual:
            entry |= {"residual": layer.residual, "residualScale": quantized.residual.scale}
        if layer.name == "logits":
            entry["output"] = "float32"
        else:
            entry["out"] = described(quantized.output)
        entries.append(entry)
    source = network[0].source
    description = {
        "schema": 1, "name": name, "layout": "NHWC", "weightLayout": "OHWI", "activations": {"min": 0, "max": TOP},
        "input": {"width": 48, "height": 48, "channels": 1, "from": "gray >> 1", **described(source)},
        "data": "quant.bin", "layers": entries,
    }
    with open(os.path.join(folder, "quant.bin"), "wb") as file:
        file.write(bytes(blob))
    with open(os.path.join(folder, "quant.json"), "w", encoding="utf-8") as file:
        json.dump(description, file, indent=1)
        file.write("\n")
