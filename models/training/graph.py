"""A trained network as a plain list of layers, batch norm folded: what is exported and quantized."""

import copy
from dataclasses import dataclass
from typing import Optional

import numpy as np
import torch
import torch.nn.functional as F


@dataclass
class Layer:
    """One step. weight float32 [out, kh, kw, in] (dense: [out, 1, 1, in], its input flattened in NHWC order);
    bias float32 [out]. residual: the layer whose output is added before the ReLU. Padding is always SAME. top: the
    largest whole number that stands for a weight of the integer network, at most 127."""

    name: str
    op: str  # conv | maxpool | avgpool (over the whole picture) | dense
    inputs: list
    weight: Optional[np.ndarray] = None
    bias: Optional[np.ndarray] = None
    kernel: int = 1
    stride: int = 1
    relu: bool = False
    residual: Optional[str] = None
    top: int = 127

    def __post_init__(self):
        if self.weight is not None:
            self.kernel = self.weight.shape[1]


def folded(layer, norm=None):
    """(weight [out,kh,kw,in], bias [out]) of a convolution or linear layer with the batch norm behind it."""
    weight = layer.weight.detach().double()
    bias = torch.zeros(len(weight), dtype=torch.double) if layer.bias is None else layer.bias.detach().double()
    if norm is not None:
        scale = norm.weight.detach().double() / torch.sqrt(norm.running_var.double() + norm.eps)
        weight = weight * scale.view(-1, *[1] * (weight.ndim - 1))
        bias = (bias - norm.running_mean.double()) * scale + norm.bias.detach().double()
    weight = weight.view(*weight.shape, 1, 1) if weight.ndim == 2 else weight
    return weight.permute(0, 2, 3, 1).float().cpu().numpy(), bias.float().cpu().numpy()


def equalised(layers, rounds=3):
    """The same function of a plain chain of layers with the channels' ranges evened out between neighbours.

    A ReLU and a max-pool pass a positive factor on, so it may move from a layer's outputs to the next one's inputs;
    one scale for a whole matrix then wastes less on its widest channel (Nagel et al., 2019, "Data-Free
    Quantization"). A network with residuals is returned as it is.
    """
    if any(layer.residual for layer in layers):
        return layers
    layers = copy.deepcopy(layers)
    chain = [layer for layer in layers if layer.weight is not None]
    for first, second in list(zip(chain, chain[1:])) * rounds:
        channels = len(first.weight)
        into = second.weight.reshape(len(second.weight), -1, channels)
        ranges = np.abs(first.weight).max((1, 2, 3)), np.abs(into).max((0, 1))
        factor = np.sqrt(np.maximum(ranges[1], 1e-8) / np.maximum(ranges[0], 1e-8)).astype(np.float32)
        first.weight, first.bias = first.weight * factor.reshape(-1, 1, 1, 1), first.bias * factor
        second.weight = (into / factor).reshape(second.weight.shape)
    return layers


def same_padding(size, kernel, stride):
    """(before, after) as TensorFlow's SAME has them."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def convolve(x, weight, stride, border=0.0):
    """x [n,c,h,w], weight [out,kh,kw,in]; SAME padding with the value `border`."""
    before, after = same_padding(x.shape[-1], weight.shape[1], stride)
    x = F.pad(x, (before, after, before, after), value=border)
    return F.conv2d(x, torch.as_tensor(weight).permute(0, 3, 1, 2).to(x), stride=stride)


def flatten(x):
    """[n,c,h,w] or [n,c] -> [n,h*w*c], in NHWC order."""
    return x.permute(0, 2, 3, 1).reshape(len(x), -1) if x.ndim == 4 else x


def run_layer(layer, values):
    """Float output of one layer; values: outputs so far by name, [n,c,h,w] or [n,c]."""
    x = values[layer.inputs[0]]
    if layer.op == "maxpool":
        return F.max_pool2d(x, layer.kernel, layer.stride, ceil_mode=True)
    if layer.op == "avgpool":
        return x.mean((2, 3))
    bias = torch.as_tensor(layer.bias).to(x)
    if layer.op == "dense":
        y = flatten(x) @ torch.as_tensor(layer.weight[:, 0, 0]).to(x).T + bias
    else:
        y = convolve(x, layer.weight, layer.stride) + bias.view(1, -1, 1, 1)
    if layer.residual:
        y = y + values[layer.residual]
    return F.relu(y) if layer.relu else y


def run_layers(layers, x):
    """All outputs by name, of standardised faces x [n,1,48,48]; "logits" is the answer [n,7]."""
    values = {"input": x}
    for layer in layers:
        values[layer.name] = run_layer(layer, values)
    return values


def cost(layers, size=48):
    """(weights without the biases, multiply-accumulates a face)."""
    weights = macs = 0
    sizes = {"input": size}
    for layer in layers:
        out = -(-sizes[layer.inputs[0]] // layer.stride) if layer.op in ("conv", "maxpool") else 1
        sizes[layer.name] = out
        if layer.weight is not None:
            weights += layer.weight.size
            macs += layer.weight.size * out * out
    return weights, macs
