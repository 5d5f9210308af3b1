"""What the heads are asked for: rows of seven shares that sum to the face's weight."""

import numpy as np
import torch
import torch.nn.functional as F

from .data import LABELS, TAG_OF_LABEL

SMOOTHING = 0.1


def label_target(faces):
    """FER2013's label, smoothed: float32 [n,7]; zeros where it is missing."""
    one_hot = np.eye(len(LABELS), dtype=np.float32)[np.maximum(faces.fer2013, 0)]
    return (one_hot * (1 - SMOOTHING) + SMOOTHING / len(LABELS)) * (faces.fer2013 >= 0)[:, None].astype(np.float32)


def votes_target(faces):
    """FER+'s votes among the seven as a distribution times the face's weight: float32 [n,7].

    A tag that a single tagger of ten gave is noise and goes (Barsoum et al. do the same). The weight is the share of
    votes that fall on the seven, so contempt counts against a face and is spread over no other expression; a face
    that most take for unknown, contempt or no face has weight 0.
    """
    votes = np.where(faces.votes > 1, faces.votes, 0)
    seven = votes[:, TAG_OF_LABEL]
    total = np.maximum(votes.sum(1, keepdims=True), 1)
    share = seven.sum(1, keepdims=True) / total
    return np.where(share > 0.5, seven / total, 0).astype(np.float32)


def soft_cross_entropy(weights):
    """The loss of a net with len(weights) heads: logits and targets [n, 7 * heads]."""
    weights = torch.tensor(weights)

    def loss(logits, targets):
        shape = (len(logits), len(weights), len(LABELS))
        per_head = -(targets.view(shape) * F.log_softmax(logits.view(shape), 2)).sum(2).mean(0)
        return (per_head * weights.to(per_head)).sum()

    return loss
