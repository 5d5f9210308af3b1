"""Training with quantization in the loop: the folded network with rounded weights and activations, gradients passed through."""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from .graph import convolve, flatten
from .quantize import TOP, Scale


class Through(torch.autograd.Function):
    """Rounds, and lets the gradient pass as if it had not."""

    @staticmethod
    def forward(_, x):
        return torch.round(x)

    @staticmethod
    def backward(_, gradient):
        return gradient


def rounded_weight(weight, top):
    """weight [out,kh,kw,in] as whole numbers up to `top`, scaled per output channel, hold it."""
    scale = (weight.detach().flatten(1).abs().amax(1) / top).clamp(min=1e-12).view(-1, 1, 1, 1)
    return Through.apply(weight / scale) * scale


def rounded_activation(x, scale, zero):
    """x as a stored byte holds it."""
    return (torch.clamp(Through.apply(x / scale) + zero, 0, TOP) - zero) * scale


class RoundedNet(nn.Module):
    """layers, scales: as quantize.py has them. Input [n,1,48,48] standardised; output [n,7]. The scales are state, not
    trained, so a checkpoint is complete."""

    def __init__(self, layers, scales):
        super().__init__()
        self.plan = layers
        self.weights = nn.ParameterDict({l.name: nn.Parameter(torch.as_tensor(l.weight.copy())) for l in layers if l.weight is not None})
        self.biases = nn.ParameterDict({l.name: nn.Parameter(torch.as_tensor(l.bias.copy())) for l in layers if l.weight is not None})
        for name, scale in scales.items():
            self.register_buffer(f"scale_{name}", torch.tensor([scale.scale, scale.zero], dtype=torch.double))

    def scales(self):
        """{layer name: Scale}, as calibrate() gives them."""
        buffers = {key[len("scale_"):]: value.tolist() for key, value in self.named_buffers()}
        return {name: Scale(scale, int(zero)) for name, (scale, zero) in buffers.items()}

    def run(self, layer, values):
        x = values[layer.inputs[0]]
        if layer.op == "maxpool":
            return F.max_pool2d(x, layer.kernel, layer.stride, ceil_mode=True)
        if layer.op == "avgpool":
            return x.mean((2, 3))
        weight, bias = rounded_weight(self.weights[layer.name], layer.top), self.biases[layer.name]
        if layer.op == "dense":
            y = flatten(x) @ weight[:, 0, 0].T + bias
        else:
            y = convolve(x, weight, layer.stride) + bias.view(1, -1, 1, 1)
        y = y + values[layer.residual] if layer.residual else y
        return F.relu(y) if layer.relu else y

    def forward(self, x):
        scales = self.scales()
        values = {"input": rounded_activation(x, scales["input"].scale, scales["input"].zero)}
        for layer in self.plan:
            y = self.run(layer, values)
            exact = layer.op == "maxpool" or layer.name == "logits"
            values[layer.name] = y if exact else rounded_activation(y, scales[layer.name].scale, scales[layer.name].zero)
        return values["logits"]

    def layers(self):
        """The plan with the trained weights."""
        trained = copy.deepcopy(self.plan)
        for layer in trained:
            if layer.weight is not None:
                layer.weight = self.weights[layer.name].detach().cpu().numpy()
                layer.bias = self.biases[layer.name].detach().cpu().numpy()
        return trained
