"""What is trained, how, and what is shipped of it. A run is one training; a model is what a run ships."""

import math
from dataclasses import dataclass
from typing import Callable, Optional

import numpy as np

from .nets import DeepEdgeNet, EdgeNet, SeedNet
from .targets import label_target, soft_cross_entropy, votes_target

SEED_RANK = 64  # chosen by `compress`'s table, see README.md


def one_cycle(epoch, epochs):
    """Learning-rate factor: up for 8 % of the run, then a cosine to zero."""
    progress = epoch / epochs
    return progress / 0.08 if progress < 0.08 else 0.5 * (1 + math.cos(math.pi * (progress - 0.08) / 0.92))


def stable(epoch, epochs):
    """Up for one epoch, then constant: may be cut at any time and gone on with."""
    return min(1.0, 0.05 + epoch)


def tail(epoch, epochs):
    """The end of a stable run: straight down to zero."""
    return 1 - epoch / epochs


def plateau(epoch, epochs):
    """Constant for the first part, then straight down to zero."""
    return min(1.0, (1 - epoch / epochs) / 0.54)


def label_targets(faces):
    return label_target(faces)


def both_targets(faces):
    return np.concatenate([votes_target(faces), label_target(faces)], 1)


@dataclass
class Recipe:
    """build: the net. targets: Faces -> float32 [n, 7 * heads], rows of zeros are left out. start: the checkpoint,
    relative to the runs folder, whose weights (and momentum, when `optimizer` is in it) the run begins with."""

    build: Callable
    targets: Callable
    loss: Callable
    epochs: int
    lr: float
    schedule: Callable
    start: Optional[str] = None
    batch: int = 128
    decay: float = 5e-4
    ema: float = 0.0
    strength: float = 1.0
    erase: float = 0.0
    seed: int = 1
    teachers: tuple = ()  # runs whose nets' answers are mixed into the targets
    distil: float = 0.5  # their share
    blend: tuple = ()  # of written answers for each head, see answers.blended; mixed into the targets
    blended: float = 0.5  # their share
    photos: float = 0.0  # weight of a photograph that only the teachers label; 0: none
    photo_blend: tuple = ()  # of written answers for the photographs; empty: `blend`
    exponents: tuple = ()  # of each head's prior in the loss, see lessons.py
    rare: float = 0.0  # how much more often rare faces are drawn, see lessons.py
    spoil: float = 0.0  # share of the faces that each of augment.py's bad cameras changes
    mean_of: tuple = ()  # runs whose weights' mean this one is, in place of a training: see average.py
    mean_std: Optional[tuple] = None  # None: the training pixels' own


# gray >> 1 less 64, the int8 network's input, is exactly (gray - 128.5) / 2 rounded: see quantize.py.
EDGE_INPUT = (128.5, 64.0)
EDGE = dict(build=EdgeNet, targets=both_targets, loss=soft_cross_entropy([1.0, 0.7]), mean_std=EDGE_INPUT, ema=0.999, strength=0.8, erase=0.25)

SEED = dict(targets=label_targets, loss=soft_cross_entropy([1.0]), ema=0.998, strength=0.7, erase=0.1, spoil=0.1, blended=0.6,
            blend=((("edge-warm", 1, 0.6), ("human", 0, 0.4)),))

LABELS_BLEND = (("edge-warm", 1, 0.25), ("edge-even", 1, 0.15), ("edge-deep", 1, 0.15), ("human", 0, 0.4), ("face-api", 0, 0.05))

RECIPES = {
    "seed-warm": Recipe(SeedNet, label_targets, soft_cross_entropy([1.0]), epochs=0, lr=0.0, schedule=stable, start="seed-warm/start.pt"),
    "seed-full": Recipe(SeedNet, epochs=12, lr=0.03, schedule=tail, start="seed-warm/start.pt", **SEED),
    "seed-low": Recipe(lambda: SeedNet(SEED_RANK), epochs=10, lr=0.02, schedule=tail, start="seed-low/start.pt", photos=0.6, **SEED),
    # The layout at full size again, on from what the factored net learnt: shipped nowhere, says what the layout is worth.
    "seed-whole": Recipe(SeedNet, epochs=4, lr=0.01, schedule=tail, start="seed-warm/start.pt", photos=0.6, **SEED),
    "edge-warm": Recipe(epochs=0, lr=0.0, schedule=stable, start="edge-warm/start.pt", **EDGE),
    "edge-even": Recipe(epochs=12, lr=0.04, schedule=plateau, start="edge-warm/start.pt", teachers=("edge-warm",), distil=0.4, photos=0.7,
                        exponents=(1.0, 0.5), spoil=0.15, **EDGE),
    "edge-deep": Recipe(**{**EDGE, "build": DeepEdgeNet}, epochs=14, lr=0.06, schedule=plateau, start="edge-warm/start.pt",
                        exponents=(1.0, 0.5), spoil=0.1, rare=0.25, seed=2),
    "edge-exhibit": Recipe(epochs=16, lr=0.04, schedule=tail, start="edge-even/last.pt", blend=(
                               (("edge-warm", 0, 0.25), ("edge-even", 0, 0.25), ("edge-deep", 0, 0.4), ("face-api", 0, 0.1)),
                               (("edge-warm", 1, 0.25), ("edge-even", 1, 0.25), ("human", 0, 0.45), ("face-api", 0, 0.05))),
                           blended=0.6, photos=0.6, exponents=(1.0, 0.5), spoil=0.15, rare=0.25, seed=3, **{**EDGE, "loss": soft_cross_entropy([1.0, 0.8])}),
    "edge-labels": Recipe(epochs=9, lr=0.03, schedule=tail, start="edge-exhibit/last.pt", blend=(
                              (("edge-warm", 0, 0.5), ("edge-even", 0, 0.5)),
                              (("edge-warm", 1, 0.25), ("edge-even", 1, 0.25), ("human", 0, 0.5))),
                          blended=0.75, exponents=(1.0, 0.5), spoil=0.1, seed=4, **{**EDGE, "loss": soft_cross_entropy([0.2, 1.0])}),
    "edge-visitor": Recipe(epochs=26, lr=0.03, schedule=tail, start="edge-exhibit/last.pt", blend=(
                               (("edge-warm", 0, 0.35), ("edge-deep", 0, 0.4), ("edge-even", 0, 0.2), ("face-api", 0, 0.05)), LABELS_BLEND),
                           photo_blend=((("edge-warm", 0, 0.2), ("edge-deep", 0, 0.3), ("edge-even", 0, 0.2), ("face-api", 0, 0.3)), LABELS_BLEND),
                           blended=0.75, photos=0.8, exponents=(1.0, 0.5), spoil=0.1, rare=0.25, seed=5,
                           **{**EDGE, "loss": soft_cross_entropy([1.0, 0.8]), "erase": 0.15}),
    "edge-poser": Recipe(epochs=14, lr=0.018, schedule=tail, start="edge-visitor/last.pt", blend=(
                             (("edge-warm", 0, 0.35), ("edge-deep", 0, 0.4), ("edge-even", 0, 0.25), ("face-api", 0, 0.2, 0.99)), LABELS_BLEND),
                         photo_blend=((("edge-warm", 0, 0.2), ("edge-deep", 0, 0.3), ("edge-even", 0, 0.2), ("face-api", 0, 0.3)), LABELS_BLEND),
                         blended=0.8, photos=0.8, exponents=(1.0, 0.5), spoil=0.1, rare=0.25, seed=6,
                         **{**EDGE, "loss": soft_cross_entropy([1.0, 1.0]), "erase": 0.15}),
    "edge-mean": Recipe(epochs=0, lr=0.0, schedule=tail, mean_of=("edge-exhibit", "edge-poser", "edge-poser"), exponents=(1.0, 1.0), **EDGE),
    "edge-stable": Recipe(epochs=200, lr=0.08, schedule=stable, **EDGE),
    "edge-decay": Recipe(epochs=12, lr=0.08, schedule=tail, start="edge-stable/last.pt", **EDGE),
    "edge-distil": Recipe(epochs=26, lr=0.08, schedule=plateau, start="edge-stable/last.pt", teachers=("edge-decay",), **EDGE),
}

# Quantization in the loop, for whichever model: a short tail on the folded net.
QAT = Recipe(None, None, soft_cross_entropy([1.0]), epochs=2, lr=0.002, schedule=tail, decay=1e-5, ema=0.995)


@dataclass
class Model:
    """runs: what it went through; the last is where its weights come from. head: which seven of the net's outputs.
    truth: the labels it is calibrated to."""

    runs: tuple
    head: int
    truth: str  # fer2013 | ferplus
    title: str
    weights: str  # uint8 | float16, in the tfjs file
    even: Optional[float] = None  # the part of the shipped answers' prior that is even, see README.md; None: as trained

    @property
    def run(self):
        return self.runs[-1]


EDGE_RUNS = ("edge-even", "edge-exhibit", "edge-visitor", "edge-poser", "edge-mean")
MODELS = {
    "seed": Model(("seed-full", "seed-low"), 0, "fer2013", "The seed's CNN, its dense layer factored", "uint8"),
    "edge": Model(EDGE_RUNS, 0, "ferplus", "Residual network trained on FER+'s votes", "float16", 0.4),
    "edge-fer2013": Model(EDGE_RUNS, 1, "fer2013", "The same network on FER2013's labels", "float16", 0.5),
}
