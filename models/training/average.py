"""The mean of several runs' weights (Wortsman et al., 2022, "Model soups"): runs that began at one another's weights lie in one valley."""

import os

import numpy as np
import torch

from .augment import move
from .checkpoint import load_checkpoint, save_checkpoint
from .data import LABELS
from .errors import BadInput
from .evaluate import judge, predict, standardise
from .recipes import RECIPES
from .stages import bias_to, chosen, input_range, run_path, shipped_state, training_shares

EVERY = 12  # of the training faces one so often renews the statistics
BATCH = 256


def average_stage(context, name):
    """A run's checkpoint, made of those that its recipe names in `mean_of`."""
    recipe, splits = chosen(RECIPES, name, "run"), context.splits
    if not recipe.mean_of:
        raise BadInput(f"average: run '{name}' names no other runs in `mean_of`")
    heads = len(recipe.exponents)
    shares = [training_shares(context, name, head) for head in range(heads)]
    states = [with_even_heads(context, run, heads) for run in recipe.mean_of]
    net = recipe.build()
    net.load_state_dict({key: mean([state[key] for state in states]) for key in states[0]})
    mean_level, std = input_range(recipe, splits)
    renew_statistics(net, splits.train.images[::EVERY], mean_level, std, recipe.strength)
    os.makedirs(os.path.join(context.runs, name), exist_ok=True)
    offset = torch.tensor(np.log(np.concatenate(shares)), dtype=torch.float32)
    save_checkpoint(os.path.join(context.runs, name, "last.pt"), {"net": net.state_dict(), "offset": offset, "epoch": 0, "history": []})
    for head, logits in enumerate((predict(net, splits.valid.images, mean_level, std) + offset).split(len(LABELS), 1)):
        print(f"{name}, head {head}, valid: {judge(logits, splits.valid)}", flush=True)


def with_even_heads(context, run, heads):
    """A run's weights; its answers assume each expression equally often."""
    state = dict(shipped_state(load_checkpoint(run_path(context, run), ("net",))))
    even = np.full(len(LABELS), 1 / len(LABELS))
    biases = np.concatenate([bias_to(context, run, head, even) for head in range(heads)])
    state["head.bias"] = state["head.bias"] + torch.as_tensor(biases)
    return state


def mean(tensors):
    return sum(tensors) / len(tensors) if tensors[0].dtype.is_floating_point else tensors[0]


def renew_statistics(net, images, mean_level, std, strength):
    """Batch norms' means and deviations over moved faces: those of the parts do not hold for their mean."""
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the plain mean over all batches
    net.train()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for batch in torch.as_tensor(images).split(BATCH):
            net(move(standardise(batch, mean_level, std), generator, strength))
    net.eval()
