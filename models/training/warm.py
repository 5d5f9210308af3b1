"""A trainable net from the float files that a model ships: the start of a run when the checkpoints are gone."""

import json
import os

import numpy as np
import torch

from .errors import BadInput
from .evaluate import standardise

FLOAT16 = np.dtype("<f2")


def read_shipped(folder):
    """{name: float32 array} of the weights in a tfjs folder that this package wrote (tfjs.py)."""
    try:
        with open(os.path.join(folder, "model.json"), encoding="utf-8") as file:
            specs = json.load(file)["weightsManifest"][0]["weights"]
        blob = np.fromfile(os.path.join(folder, "weights.bin"), np.uint8).tobytes()
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise BadInput(f"{folder}: holds no shipped model to start from ({error})") from None
    weights, offset = {}, 0
    for spec in specs:
        entry = spec.get("quantization")
        kind = np.dtype(entry["dtype"] if entry else spec["dtype"]).newbyteorder("<")
        count = int(np.prod(spec["shape"]))
        array = np.frombuffer(blob, kind, count, offset).reshape(spec["shape"])
        offset += array.nbytes
        if entry and "scale" in entry:
            array = array.astype(np.float32) * np.float32(entry["scale"]) + np.float32(entry["min"])
        weights[spec["name"]] = array.astype(np.float32)
    if offset != len(blob):
        raise BadInput(f"{folder}: weights.bin holds {len(blob)} bytes, model.json describes {offset}")
    return weights


def unfold(conv, norm, weight, bias):
    """A hook that fills a layer and the batch norm behind it, so that both together are `weight` and `bias`.

    The folded layer's outputs on the faces that pass by give the norm's mean and deviation. Each filter gets the length
    1, because the length of a weight before a batch norm is its learning rate and nothing else.
    """
    length = weight.flatten(1).norm(dim=1).clamp_min(1e-6)
    conv.weight.data.copy_(weight / length.view(-1, *[1] * (weight.ndim - 1)))

    def fill(module, inputs, output):
        axes = (0, 2, 3) if output.ndim == 4 else (0,)
        norm.running_mean.copy_(output.mean(axes))
        norm.running_var.copy_(output.var(axes, unbiased=False))
        norm.weight.data.copy_(length * torch.sqrt(norm.running_var + norm.eps))
        norm.bias.data.copy_(bias + length * norm.running_mean)

    return conv.register_forward_hook(fill)


def fill_norms(net, pairs, images, mean, std):
    """Fill (conv, norm, weight, bias) pairs of a net from one pass over faces uint8 [n,48,48]."""
    hooks = [unfold(*pair) for pair in pairs]
    with torch.no_grad():
        net.eval()(standardise(images, mean, std))
    for hook in hooks:
        hook.remove()
    return net


def warm_edge(net, folders, images, mean, std):
    """The edge net as it was shipped. folders: of the models with its first and its second head."""
    shipped = [read_shipped(folder) for folder in folders]
    blocks = [(name, getattr(net, name)) for name in ("block1", "block2", "block3", "block4", "block5")]
    layers = [("stem", net.stem, net.norm0), *((f"down{i}", getattr(net, f"down{i}"), getattr(net, f"norm{i}")) for i in (1, 2, 3))]
    layers += [(f"{name}a", block.conv1, block.norm1) for name, block in blocks]
    layers += [(f"{name}b/conv", block.conv2, block.norm2) for name, block in blocks]
    net.head.weight.data.copy_(torch.tensor(np.concatenate([w["logits/weights"].T for w in shipped])))
    net.head.bias.data.copy_(torch.tensor(np.concatenate([w["logits/bias"] for w in shipped])))
    tensor = lambda name: torch.tensor(shipped[0][name])  # noqa: E731
    pairs = [(conv, norm, tensor(f"{name}/weights").permute(3, 2, 0, 1), tensor(f"{name}/bias")) for name, conv, norm in layers]
    return fill_norms(net, pairs, images, mean, std)


def warm_seed(net, folder, images, mean, std):
    """The seed as it was shipped: factored, or whole, with the product of the two factors as its big layer."""
    shipped = {name: torch.tensor(value) for name, value in read_shipped(folder).items() if value.dtype == np.float32}
    low, high = shipped["low/weights"].T, shipped["high/weights"].T
    if isinstance(net.dense, torch.nn.Sequential):
        net.dense[0].weight.data.copy_(low)
        dense, weight = net.dense[1], high
    else:
        dense, weight = net.dense, high @ low
    net.head.weight.data.copy_(shipped["logits/weights"].T)
    net.head.bias.data.copy_(shipped["logits/bias"])
    convolutions = (("conv1", net.conv1, net.norm1), ("conv2", net.conv2, net.norm2), ("conv3", net.conv3, net.norm3))
    pairs = [(conv, norm, shipped[f"{name}/weights"].permute(3, 2, 0, 1), shipped[f"{name}/bias"]) for name, conv, norm in convolutions]
    # `low` has no batch norm to take its bias: what it would add goes through `high`.
    bias = shipped["high/bias"] + high @ shipped["low/bias"]
    return fill_norms(net, [*pairs, (dense, net.norm4, weight, bias)], images, mean, std)
