"""The stages, each alone: train a run, compress the seed, calibrate, quantize and export a model."""

import json
import os
import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Optional

import torch

from .checkpoint import load_checkpoint, save_checkpoint
from .compress import compress
from .data import Faces, Splits, load_splits
from .errors import BadInput
from .evaluate import judge, predict, standardise
from .export import read_contract, write_contract
from .graph import cost, equalised, run_layers
from .qat import RoundedNet
from .quantize import calibrate, on_grid, quantize, run_quantized, write_quantized
from .recipes import MODELS, QAT, RECIPES, SEED_RANK
from .tfjs import restored, write_graph
from .train import Trainer

CALIBRATION_FACES = 500


@dataclass
class Context:
    """Where things are. limit: only the first faces, and one epoch (smoke); minutes: a training's time limit."""

    data: str
    runs: str
    out: str
    limit: Optional[int] = None
    minutes: Optional[float] = None
    epochs: Optional[int] = None
    loaded: Optional[Splits] = None
    shipped: dict = field(default_factory=dict)

    @property
    def splits(self):
        if self.loaded is None:
            self.loaded = load_splits(self.data, self.runs, self.limit)
        return self.loaded

    def folder(self, model):
        path = os.path.join(self.out, model)
        os.makedirs(path, exist_ok=True)
        return path


def chosen(table, name, kind):
    if name not in table:
        raise BadInput(f"unknown {kind} '{name}' (one of {', '.join(table)})")
    return table[name]


def input_range(recipe, splits):
    return recipe.mean_std or (splits.mean, splits.std)


def shipped_state(state):
    """The weights a checkpoint ships: the moving average where there is one."""
    return state.get("average") or state["net"]


def load_run(context, name):
    """(net with a run's shipped weights, epochs done); a run that has only its start is taken as that."""
    recipe = RECIPES[name]
    path = os.path.join(context.runs, name, "last.pt")
    if not os.path.exists(path) and recipe.start:
        path = os.path.join(context.runs, recipe.start)
    state = load_checkpoint(path, ("net",))
    net = recipe.build()
    try:
        net.load_state_dict(shipped_state(state))
    except RuntimeError as error:
        raise BadInput(f"{path}: weights of another network ({str(error).splitlines()[0]})") from None
    return net.eval(), state.get("epoch", 0)


def train_stage(context, name):
    """Train (or go on training) one run of recipes.py."""
    recipe = chosen(RECIPES, name, "run")
    if context.epochs:
        recipe = replace(recipe, epochs=context.epochs)
    mean, std = input_range(recipe, context.splits)
    teachers = [load_run(context, teacher)[0] for teacher in recipe.teachers]
    fit(context, name, recipe, recipe.build, recipe.targets(context.splits.train), mean, std, teachers)


def distil_stage(context, name):
    """Train the run of a model that learns from the answers of earlier runs as well as from labels."""
    taught = [run for run in chosen(MODELS, name, "model").runs if RECIPES[run].teachers]
    if not taught:
        raise BadInput(f"{name}: none of its runs ({', '.join(MODELS[name].runs)}) has teachers")
    for run in taught:
        train_stage(context, run)


def fit(context, name, recipe, build, targets, mean, std, teachers=()):
    """Train build()'s net on the training faces that have a target, in the folder runs/name."""
    splits = context.splits
    used = targets.sum(1) > 0
    net, shadow = build(), build()
    print(f"{name}: {used.sum()} faces ({splits.copies} with a copy in valid and {len(splits.held)} held out left aside)", flush=True)

    def evaluate(state):
        shadow.load_state_dict(state)
        logits = predict(shadow, splits.valid.images, mean, std)
        heads = range(logits.shape[1] // 7)
        judged = {f"{truth}-head{i}": round(share, 4) for i in heads for truth, share in judge(logits[:, 7 * i : 7 * i + 7], splits.valid).items()}
        return {**judged, "at": time.strftime("%H:%M:%S")}

    deadline = time.monotonic() + context.minutes * 60 if context.minutes else float("inf")
    trainer = Trainer(net, recipe, splits.train.images[used], targets[used], mean, std, os.path.join(context.runs, name), evaluate, deadline, teachers)
    if recipe.start and not os.path.exists(trainer.path):
        trainer.begin_from(load_checkpoint(os.path.join(context.runs, recipe.start), ("net",)))
    trainer.train()


def compress_stage(context):
    """The trained full-size seed -> seed-low/start.pt, and the table of ranks."""
    net, epochs = load_run(context, "seed-full")
    low, rows, whole = compress(net, context.splits, SEED_RANK)
    print(f"valid, FER2013's labels: whole layer {whole:.4f} after {epochs} epochs; factored, before fine-tuning:")
    print("rank  method   accuracy")
    for rank, method, share in rows:
        print(f"{rank:4}  {method:7}  {share:.4f}")
    folder = os.path.join(context.runs, "seed-low")
    os.makedirs(folder, exist_ok=True)
    save_checkpoint(os.path.join(folder, "start.pt"), {"net": low.state_dict(), "whole": whole, "table": rows})


def model_layers(context, name):
    """(folded layers, activation scales, mean, std) of a model, after quantized training where there was one."""
    model = chosen(MODELS, name, "model")
    net, _ = load_run(context, model.run)
    mean, std = input_range(RECIPES[model.run], context.splits)
    layers = equalised(net.layers(model.head))
    scales = calibrate(layers, context.splits.train.images[:CALIBRATION_FACES], mean, std)
    path = os.path.join(context.runs, f"int8-{name}", "last.pt")
    if os.path.exists(path):
        rounded = RoundedNet(layers, scales)
        rounded.load_state_dict(shipped_state(load_checkpoint(path, ("net",))))
        layers, scales = rounded.layers(), rounded.scales()
    return layers, scales, mean, std


def qat_stage(context, name):
    """Train a model's head with quantization in the loop; the later stages then ship that."""
    model = chosen(MODELS, name, "model")
    layers, scales, mean, std = model_layers(context, name)
    recipe = RECIPES[model.run]
    targets = recipe.targets(context.splits.train)[:, 7 * model.head : 7 * model.head + 7]
    qat = replace(QAT, strength=recipe.strength, epochs=context.epochs or QAT.epochs)
    fit(context, f"int8-{name}", qat, lambda: RoundedNet(layers, scales), targets, mean, std)


@dataclass
class Shipped:
    """A model's weights as shipped. layers: what the float file holds; network: the integer one. The logits [n,7] of
    the valid faces are kept, because three stages ask for them."""

    layers: list
    network: list
    mean: float
    std: float
    valid: Faces

    @cached_property
    def valid_float(self):
        return float_logits(self, self.valid)

    @cached_property
    def valid_integer(self):
        return run_quantized(self.network, self.valid.images)


def ship(context, name):
    """Load, fold and quantize a model of recipes.py; once a process."""
    if name not in context.shipped:
        context.shipped[name] = make_shipped(context, name)
    return context.shipped[name]


def make_shipped(context, name):
    layers, scales, mean, std = model_layers(context, name)
    network = quantize(layers, scales, mean, std)
    weights = MODELS[name].weights
    if weights == "float16":
        layers = on_grid(layers)
    for layer in layers:
        if layer.weight is not None:
            layer.weight = restored(layer.weight, weights)
    return Shipped(layers, network, mean, std, context.splits.valid)


def float_logits(shipped, faces, batch=200):
    """The float file's logits [n,7]."""
    parts = torch.as_tensor(faces.images).split(batch)
    return torch.cat([run_layers(shipped.layers, standardise(part, shipped.mean, shipped.std))["logits"] for part in parts])


def truth_of(name, faces):
    return faces.fer2013 if MODELS[name].truth == "fer2013" else faces.majority()


def fit_temperature(logits, labels):
    """The divisor of the logits that makes the labels (>= 0) most likely."""
    labels = torch.as_tensor(labels)
    logits, labels = logits[labels >= 0], labels[labels >= 0]
    candidates = torch.logspace(-0.7, 0.7, 281)
    losses = [torch.nn.functional.cross_entropy(logits / t, labels).item() for t in candidates]
    return round(candidates[losses.index(min(losses))].item(), 4)


def temperature_path(context, name):
    return os.path.join(context.runs, f"temperature-{name}.json")


def calibrate_stage(context, name):
    """Temperature of a model, fitted on the held-out training faces (never on valid)."""
    shipped = ship(context, name)
    held = context.splits.held
    logits = float_logits(shipped, held)
    temperature = fit_temperature(logits, truth_of(name, held))
    with open(temperature_path(context, name), "w", encoding="utf-8") as file:
        json.dump({"temperature": temperature, "faces": len(held)}, file)
    print(f"{name}: temperature {temperature} from {len(held)} held-out training faces")


def read_temperature(context, name):
    path = temperature_path(context, name)
    if not os.path.exists(path):
        raise BadInput(f"{path}: missing, run `calibrate {name}` first")
    with open(path, encoding="utf-8") as file:
        return json.load(file)["temperature"]


def quantize_stage(context, name):
    """quant.json and quant.bin of a model, and what the integers cost on valid."""
    shipped = ship(context, name)
    write_quantized(shipped.network, context.folder(name), name)
    for kind, logits in (("float file", shipped.valid_float), ("integers", shipped.valid_integer)):
        figures = judge(logits, shipped.valid)
        print(f"{name}, valid, {kind:10}: fer2013 {figures['fer2013']:.4f}, ferplus {figures['ferplus']:.4f}")


def epochs_of(context, name):
    """{run: epochs done} of a model's runs."""
    paths = {run: os.path.join(context.runs, run, "last.pt") for run in MODELS[name].runs}
    return {run: load_checkpoint(path, ("epoch",))["epoch"] for run, path in paths.items() if os.path.exists(path)}


def export_stage(context, name):
    """model.json, weights.bin and contract.json of a model."""
    model, shipped, splits = chosen(MODELS, name, "model"), ship(context, name), context.splits
    folder = context.folder(name)
    write_graph(shipped.layers, folder, model.weights)
    figures = judge(shipped.valid_float, splits.valid)
    training = {
        "data": "FER2013 Training split with FER+ votes", "labels": "FER2013" if model.truth == "fer2013" else "FER+ votes",
        "faces": int((RECIPES[model.run].targets(splits.train).sum(1) > 0).sum()), "epochs": epochs_of(context, name), "valid": {k: round(v, 4) for k, v in figures.items()},
    }
    write_contract(folder, name, model.title, shipped.mean, shipped.std, read_temperature(context, name), *cost(shipped.layers), training)
    sizes = ", ".join(f"{entry['path']} {entry['bytes']} bytes" for entry in read_contract(folder)["float"]["files"])
    print(f"{name}: {sizes}; valid {training['valid']}")
