"""Teachers' answers to every face, written down once, so that a teacher of any size costs a student's training nothing."""

import os

import numpy as np
import torch

from .augment import move
from .errors import BadInput
from .progress import Progress

MOVED_VIEWS = 3  # beside the face itself; half of them mirrored
MOVED_STRENGTH = 0.5


def answers(teacher, images, standardised, moved_views, title, batch=64):
    """The mean over the face and `moved_views` changes of it of a teacher's probabilities, float32 [n, k]; images uint8 [n,48,48]. standardised: uint8
    [n,48,48] -> what the teacher takes, [n,1,48,48]."""
    parts = []
    progress = Progress(len(images), title)
    for start in range(0, len(images), batch):
        x = standardised(images[start : start + batch])
        generator = torch.Generator().manual_seed(start)
        views = [x, *(move(x, generator, MOVED_STRENGTH) for _ in range(moved_views))]
        with torch.no_grad():
            parts.append(sum(teacher(view.contiguous(memory_format=torch.channels_last)).float() for view in views).flatten(1) / len(views))
        progress.show(start + len(x))
    return torch.cat(parts).numpy()


def answers_path(runs, teacher, split):
    return os.path.join(runs, "answers", f"{teacher}-{split}.npy")


def read_answers(runs, teacher, split, count):
    """float32 [count, k] as written."""
    path = answers_path(runs, teacher, split)
    if not os.path.exists(path):
        raise BadInput(f"{path}: missing, run `answers {teacher}` first")
    result = np.load(path)
    if len(result) != count:
        raise BadInput(f"{path}: {len(result)} answers for {count} faces: remove it and run `answers {teacher}` again")
    return result


def blended(runs, blend, split, count):
    """Written answers as one, float32 [count, 7 * heads]. blend: for each head (teacher, the teacher's head, exponent) in turn,
    and where it should only speak when it is sure: its least highest probability; the teachers' probabilities to their
    exponents are multiplied and made to sum to 1."""
    heads = []
    for parts in blend:
        log = sum(power * sure_log(read_answers(runs, teacher, split, count)[:, 7 * head : 7 * head + 7], *least) for teacher, head, power, *least in parts)
        shares = np.exp(log - log.max(1, keepdims=True))
        heads.append(shares / shares.sum(1, keepdims=True))
    return np.concatenate(heads, 1).astype(np.float32)


def sure_log(shares, least=0.0):
    """Logarithms of answers [n,7]; zeros, which say nothing, where the highest share is below `least`."""
    return np.log(shares + 1e-4) * (shares.max(1, keepdims=True) >= least)


def mixed(targets, answers, share):
    """Targets float32 [n, 7 * heads] with `share` of each row's weight from the answers; rows without weight stay so."""
    weights = targets.reshape(len(targets), -1, 7).sum(2, keepdims=True)
    taught = answers.reshape(len(answers), -1, 7) * weights
    return targets * (1 - share) + taught.reshape(targets.shape) * share
