"""The stages, each alone: train a run, compress the seed, calibrate, quantize and export a model."""

import json
import os
import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Optional

import numpy as np
import torch

from .answers import MOVED_VIEWS, answers, answers_path, blended, mixed
from .augment import move, spoil
from .checkpoint import load_checkpoint, save_checkpoint
from .compress import compress
from .data import LABELS, Faces, Splits, load_splits, read_images
from .errors import BadInput
from .evaluate import accuracy, judge, mean_recall, predict, standardise
from .export import read_contract, write_contract
from .graph import cost, equalised, run_layers
from .lessons import make_lessons
from .peers import FaceApi, Human
from .qat import RoundedNet
from .quantize import calibrate, on_grid, quantize, run_quantized, write_quantized
from .recipes import MODELS, QAT, RECIPES, SEED_RANK
from .tfjs import restored, write_graph
from .train import Trainer
from .warm import warm_edge, warm_seed

CALIBRATION_FACES = 500
WARM_FACES = 2000
PEERS = {"face-api": FaceApi, "human": Human}


@dataclass
class Context:
    """Where things are. peers: the node_modules with the two peers. limit: only the first faces, and one epoch (smoke); minutes: a training's time limit."""

    data: str
    runs: str
    out: str
    peers: str = ""
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


def run_path(context, name):
    path = os.path.join(context.runs, name, "last.pt")
    if not os.path.exists(path) and RECIPES[name].start:
        path = os.path.join(context.runs, RECIPES[name].start)
    return path


def load_run(context, name):
    """(net with a run's shipped weights, epochs done); a run that has only its start is taken as that."""
    recipe = RECIPES[name]
    path = run_path(context, name)
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
    teachers = [load_teacher(context, teacher) for teacher in recipe.teachers]
    targets, photos = recipe.targets(context.splits.train), None
    if recipe.blend:
        targets = mixed(targets, blended(context.runs, recipe.blend, "train", len(targets)), recipe.blended)
    if recipe.photos:
        faces = photographs(context)
        even = np.full((len(faces), targets.shape[1]), 1 / 7, np.float32)  # the teachers in the loop say all
        blend = recipe.photo_blend or recipe.blend
        photos = faces, recipe.photos * (blended(context.runs, blend, "photos", len(faces)) if blend else even)
    fit(context, name, recipe, recipe.build, targets, mean, std, teachers, photos)


def load_teacher(context, name):
    """A run's net as a function from faces [n,1,48,48] to probabilities [n, heads, 7] under the training prior."""
    net, _ = load_run(context, name)
    state = load_checkpoint(run_path(context, name), ("net",))
    offset = torch.as_tensor(state.get("offset", 0.0))
    net = net.to(memory_format=torch.channels_last)
    return lambda x: torch.softmax((net(x).float() + offset).view(len(x), -1, 7), 2)


def warm_stage(context):
    """edge-warm/start.pt and seed-warm/start.pt: the models in `out` as nets that can be trained on."""
    edge, seed = ([os.path.join(context.out, name) for name in names] for names in (("edge", "edge-fer2013"), ("seed",)))
    for run, warm in (("edge-warm", lambda *rest: warm_edge(rest[0], edge, *rest[1:])), ("seed-warm", lambda *rest: warm_seed(rest[0], *seed, *rest[1:]))):
        recipe, splits = RECIPES[run], context.splits
        pick = np.random.default_rng(1).permutation(len(splits.train))[:WARM_FACES]
        mean, std = input_range(recipe, splits)
        net = warm(recipe.build(), splits.train.images[pick], mean, std)
        os.makedirs(os.path.join(context.runs, run), exist_ok=True)
        offset = np.concatenate([to_training_prior(folder) for folder in (edge if run == "edge-warm" else seed)])
        save_checkpoint(os.path.join(context.runs, run, "start.pt"), {"net": net.state_dict(), "offset": torch.as_tensor(offset)})
        for head, logits in enumerate(predict(net, splits.valid.images, mean, std).split(7, 1)):
            print(f"{run}, head {head}, valid: {judge(logits, splits.valid)}", flush=True)


def to_training_prior(folder):
    """float32 [7]: what turns the logits of a shipped model into those under the prior of its training (contract's `prior`)."""
    prior = read_contract(folder).get("prior")
    if prior is None:
        return np.zeros(len(LABELS), np.float32)
    return np.log([prior["training"][label] / prior["shares"][label] for label in LABELS]).astype(np.float32)


def answers_stage(context, name):
    """Write a teacher's answers (a run, or `face-api` or `human`) to the training, held-out and validation faces and the photographs."""
    splits = context.splits
    if name in PEERS:
        teacher, standardised, moved = PEERS[name](context.peers), lambda images: standardise(images, 0.0, 1.0), 0
    else:
        mean, std = input_range(chosen(RECIPES, name, "run"), splits)
        net, standardised, moved = load_teacher(context, name), lambda images: standardise(images, mean, std), MOVED_VIEWS
        teacher = lambda x: net(x)  # noqa: E731
    for split, images in {"held": splits.held.images, "valid": splits.valid.images, "photos": photographs(context), "train": splits.train.images}.items():
        path = answers_path(context.runs, name, split)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if not os.path.exists(path):
            np.save(path, answers(teacher, images, standardised, moved, f"{name}, {split}"))


def photographs(context):
    """uint8 [n,48,48]: photographs without labels."""
    return read_images(os.path.join(context.data, "..", "photos", "faces-images.npy"))[: context.limit]


def fit(context, name, recipe, build, targets, mean, std, teachers=(), photos=None, offset=None):
    """Train build()'s net on the training faces that have a target, in the folder runs/name. offset: added to the logits in
    the loss, in place of what the recipe's exponents give."""
    splits = context.splits
    lessons = make_lessons(recipe, splits.train, targets, photos)
    if offset is not None:
        lessons = replace(lessons, offset=offset)
    net, shadow = build(), build()
    print(f"{name}: {len(lessons.images)} faces ({splits.copies} with a copy in valid and {len(splits.held)} held out left aside)", flush=True)

    def evaluate(state):
        shadow.load_state_dict(state)
        logits = predict(shadow, splits.valid.images, mean, std)
        heads = [(f"head{i}", logits[:, 7 * i : 7 * i + 7], torch.as_tensor(lessons.offset[7 * i : 7 * i + 7])) for i in range(logits.shape[1] // 7)]
        judged = {f"{truth}-{head}": round(share, 4) for head, answers, offset in heads for truth, share in judge(answers + offset, splits.valid).items()}
        for head, answers, _ in heads:
            for truth, labels in (("fer2013", splits.valid.fer2013), ("ferplus", splits.valid.majority())):
                judged[f"even-{truth}-{head}"] = [round(figure(answers, labels), 4) for figure in (accuracy, mean_recall)]
        return {**judged, "at": time.strftime("%H:%M:%S")}

    deadline = time.monotonic() + context.minutes * 60 if context.minutes else float("inf")
    trainer = Trainer(net, recipe, lessons, mean, std, os.path.join(context.runs, name), evaluate, deadline, teachers)
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


def training_shares(context, run, head):
    """float64 [7]: the shares of the expressions among what a run's head is asked for."""
    weights = RECIPES[run].targets(context.splits.train)[:, 7 * head : 7 * head + 7].sum(0, dtype=np.float64)
    return weights / weights.sum()


def mixed_shares(shares, even):
    """The shares of a mix of faces of which the part `even` has each expression equally often."""
    return (1 - even) * shares + even / len(shares)


def bias_to(context, run, head, shares):
    """float32 [7]: added to the logits of a run's head, it makes them those for faces with these shares of the expressions."""
    exponents, rows = RECIPES[run].exponents, slice(7 * head, 7 * head + 7)
    if not exponents:
        return np.log(shares / training_shares(context, run, head)).astype(np.float32)
    offset = np.asarray(load_checkpoint(run_path(context, run), ("offset",))["offset"].cpu(), np.float64)[rows]
    return (np.log(shares) + offset * (1 - 1 / exponents[head])).astype(np.float32)


def shipped_shares(context, model):
    return mixed_shares(training_shares(context, model.run, model.head), model.even)


def logit_bias(context, model):
    """float32 [7]: what the last layer's bias gets, so that the answers assume the model's prior instead of the run's."""
    return np.zeros(7, np.float32) if model.even is None else bias_to(context, model.run, model.head, shipped_shares(context, model))


def model_layers(context, name):
    """(folded layers, activation scales, mean, std) of a model, after quantized training where there was one."""
    model = chosen(MODELS, name, "model")
    net, _ = load_run(context, model.run)
    mean, std = input_range(RECIPES[model.run], context.splits)
    layers = equalised(net.layers(model.head))
    layers[-1].bias = layers[-1].bias + logit_bias(context, model)
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
    offset = None if model.even is None else np.log(training_shares(context, model.run, model.head) / shipped_shares(context, model)).astype(np.float32)
    fit(context, f"int8-{name}", qat, lambda: RoundedNet(layers, scales), targets, mean, std, offset=offset)


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
        return float_logits(self, standardise(self.valid.images, self.mean, self.std))

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
    """The float file's logits [n,7] of standardised faces [n,1,48,48]."""
    return torch.cat([run_layers(shipped.layers, part)["logits"] for part in faces.split(batch)])


def truth_of(name, faces):
    return faces.fer2013 if MODELS[name].truth == "fer2013" else faces.majority()


def fit_temperature(logits, labels, views=1):
    """The divisor of the logits that makes the labels (>= 0) most likely; of those within a standard error of the best,
    the largest, because too sure an answer does more harm than too unsure a one (the one-standard-error rule).

    views: of each face, one after the other in blocks; they count as one observation."""
    labels = torch.as_tensor(labels)
    candidates = torch.logspace(-0.7, 0.7, 281)
    known = labels.view(views, -1)[0] >= 0
    logits, labels = logits.view(views, len(known), -1)[:, known], labels.view(views, -1)[:, known]
    losses = torch.stack([torch.nn.functional.cross_entropy((logits / t).flatten(0, 1), labels.flatten(), reduction="none").view(views, -1).mean(0) for t in candidates])
    best = losses.mean(1).argmin()
    worse = losses - losses[best]
    within = worse.mean(1) <= worse.std(1) / known.sum() ** 0.5
    return round(candidates[within].max().item(), 4)


def temperature_path(context, name):
    return os.path.join(context.runs, f"temperature-{name}.json")


def calibrate_stage(context, name):
    """Temperature of a model, fitted on the held-out training faces (never on valid) as a camera might show them.

    The faces themselves lie better in their squares than a live crop does, and some have near copies among the faces
    trained on: fitted on them as they are, the answers come out too sure.
    """
    shipped, held = ship(context, name), context.splits.held
    moved = camera_views(held.images, shipped.mean, shipped.std)
    logits = torch.cat([float_logits(shipped, view) for view in moved])
    temperature = fit_temperature(logits, np.tile(truth_of(name, held), len(moved)), len(moved))
    with open(temperature_path(context, name), "w", encoding="utf-8") as file:
        json.dump({"temperature": temperature, "faces": len(held)}, file)
    print(f"{name}: temperature {temperature} from {len(held)} held-out training faces, {len(moved)} views of each")


def camera_views(images, mean, std, views=4):
    """Standardised faces float32 [n,1,48,48], moved and spoilt at random, `views` times."""
    generator = torch.Generator().manual_seed(11)
    return [spoil(move(standardise(images, mean, std), generator, 0.5), generator, 0.1, 1 / std) for _ in range(views)]


def labelled(shares):
    return {label: round(float(share), 5) for label, share in zip(LABELS, shares)}


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
        print(f"{name}, valid, {kind:10}: " + ", ".join(f"{key} {value:.4f}" for key, value in figures.items()))


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
    prior = None if model.even is None else {"shares": labelled(shipped_shares(context, model)), "training": labelled(training_shares(context, model.run, model.head))}
    write_contract(folder, name, model.title, shipped.mean, shipped.std, read_temperature(context, name), prior, *cost(shipped.layers), training)
    sizes = ", ".join(f"{entry['path']} {entry['bytes']} bytes" for entry in read_contract(folder)["float"]["files"])
    print(f"{name}: {sizes}; valid {training['valid']}")
