"""A run's material: which faces, what they are asked for, how often they are seen."""

from dataclasses import dataclass
from typing import Optional

import numpy as np


@dataclass
class Lessons:
    """images uint8 [n,48,48]; targets float32 [n, 7 * heads], rows of shares that sum to the face's weight; taught
    float32 [n], how much of each target the teachers say; offset float32 [7 * heads], added to the logits in the loss
    (zeros: none); odds float32 [n], how often a face is drawn (None: each once an epoch)."""

    images: np.ndarray
    targets: np.ndarray
    taught: np.ndarray
    offset: np.ndarray
    odds: Optional[np.ndarray] = None


def make_lessons(recipe, faces, targets, photos=None):
    """The faces that have a target, and photographs (uint8 [n,48,48] and their targets) that only teachers label."""
    used = targets.sum(1) > 0
    images, targets = faces.images[used], targets[used]
    taught = np.full(len(images), recipe.distil, np.float32)
    if photos is not None:
        images, targets = np.concatenate([images, photos[0]]), np.concatenate([targets, photos[1]])
        taught = np.concatenate([taught, np.ones(len(photos[0]), np.float32)])
    odds = rare_odds(targets, recipe.rare) if recipe.rare else None
    offset = prior_offset(targets, odds, recipe.exponents or (0.0,) * (targets.shape[1] // 7))
    return Lessons(images, targets, taught, offset, odds)


def rare_odds(targets, power):
    """Faces whose first head's target is rare are drawn more often: by (1 / prior) to the `power`, averaged over the target."""
    first = targets[:, :7]
    prior = first.sum(0) / first.sum()
    odds = first @ prior**-power / np.maximum(first.sum(1), 1e-6)
    odds[first.sum(1) == 0] = odds[first.sum(1) > 0].mean()
    return (odds / odds.mean()).astype(np.float32)


def prior_offset(targets, odds, exponents):
    """exponent * log prior of each head (Menon et al., 2021, "Long-tail learning via logit adjustment"): a net that
    is trained with this added to its logits answers as if that part of the prior were even."""
    weighted = targets if odds is None else targets * odds[:, None]
    priors = weighted.sum(0).reshape(len(exponents), 7)
    priors = priors / priors.sum(1, keepdims=True)
    return (np.array(exponents)[:, None] * np.log(np.maximum(priors, 1e-6))).flatten().astype(np.float32)
