"""FER2013 faces with both labelings, in the format of the data folder's README.

images: uint8 [n, 48, 48]; labels: CSV with `name`, `fer2013` and ten `votes_*` columns (FER+, ten taggers a face).
"""

import csv
import os
from dataclasses import dataclass

import numpy as np

from .duplicates import find_copies
from .errors import BadInput

LABELS = ("angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised")
TAGS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "not_face")
# Where each of LABELS stands among FER+'s tags.
TAG_OF_LABEL = [TAGS.index(t) for t in ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")]
SIZE = 48
DEFAULT_DATA = os.path.join(os.path.dirname(__file__), "..", "..", "..", "shared", "fer")


@dataclass
class Faces:
    """images uint8 [n,48,48]; fer2013 int64 [n], -1 where unlabelled; votes float32 [n,10] in TAGS' order."""

    images: np.ndarray
    fer2013: np.ndarray
    votes: np.ndarray

    def __len__(self):
        return len(self.images)

    def take(self, index):
        return Faces(self.images[index], self.fer2013[index], self.votes[index])

    def majority(self):
        """FER+'s top tag as an index into LABELS, int64 [n]; -1 where the top of all ten tags is none of the seven."""
        top = self.votes.argmax(1)
        of_tag = np.full(len(TAGS), -1)
        of_tag[TAG_OF_LABEL] = np.arange(len(LABELS))
        return of_tag[top]


def load_faces(folder, split):
    """Read one split ("train" or "valid")."""
    images = read_images(os.path.join(folder, f"{split}-images.npy"))
    fer2013, votes = read_labels(os.path.join(folder, f"{split}-labels.csv"))
    if len(images) != len(fer2013):
        raise BadInput(f"{folder}: {split}-images.npy holds {len(images)} faces but {split}-labels.csv {len(fer2013)} rows")
    return Faces(images, fer2013, votes)


def read_images(path):
    """uint8 [n,48,48] from a .npy file."""
    try:
        images = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise BadInput(f"{path}: cannot be read as a numpy array ({error})") from None
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (SIZE, SIZE):
        raise BadInput(f"{path}: expected uint8 [n, {SIZE}, {SIZE}], found {images.dtype} {list(images.shape)}")
    return images


def read_labels(path):
    """(fer2013 int64 [n], votes float32 [n,10]) from a labels file."""
    columns = [f"votes_{tag}" for tag in TAGS]
    fer2013, votes = [], []
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            missing = {"fer2013", *columns} - set(rows.fieldnames or ())
            if missing:
                raise BadInput(f"{path}: no column {', '.join(sorted(missing))}")
            for row in rows:
                label = row["fer2013"]
                if label and label not in LABELS:
                    raise BadInput(f"{path}, line {rows.line_num}: unknown label '{label}' (one of {', '.join(LABELS)}, or empty)")
                fer2013.append(LABELS.index(label) if label else -1)
                try:
                    votes.append([float(row[c]) for c in columns])
                except (TypeError, ValueError):
                    raise BadInput(f"{path}, line {rows.line_num}: votes must be numbers") from None
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None
    return np.array(fer2013, np.int64), np.array(votes, np.float32).reshape(-1, len(TAGS))


@dataclass
class Splits:
    """train: without the faces below; held: never trained on nor a copy of one that is, for calibration; valid:
    evaluation only. copies: how many training faces left because `valid` holds a copy. mean, std: of all given training pixels."""

    train: Faces
    held: Faces
    valid: Faces
    copies: int
    mean: float
    std: float


HELD_OUT = 1500
HELD_OUT_SEED = 7


def load_splits(folder, cache, limit=None):
    """The three parts of the data; `cache` is a folder for the search for copies; limit: first faces only (smoke)."""
    train, valid = load_faces(folder, "train"), load_faces(folder, "valid")
    if limit:
        train, valid = train.take(slice(limit)), valid.take(slice(limit // 2))
    if len(train) < 20 or not len(valid):
        raise BadInput(f"{folder}: {len(train)} training and {len(valid)} validation faces are too few")
    copies = cached(os.path.join(cache, f"copies-{len(train)}-{len(valid)}.npy"), lambda: find_copies(train.images, valid.images))
    held = np.random.default_rng(HELD_OUT_SEED).permutation(len(train))[: min(HELD_OUT, len(train) // 10)]
    leaving = np.zeros(len(train), bool)
    leaving[copies] = leaving[held] = True
    kept = np.flatnonzero(~leaving)
    held = np.setdiff1d(held, copies)
    # A face that was trained on in another copy would make the network look surer than it is.
    seen = cached(os.path.join(cache, f"held-{len(train)}-{len(valid)}.npy"), lambda: find_copies(train.images[held], train.images[kept]))
    held = np.delete(held, seen)
    return Splits(train.take(kept), train.take(held), valid, len(copies), float(train.images.mean()), float(train.images.astype(np.float32).std()))


def cached(path, compute):
    if os.path.exists(path):
        return np.load(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    result = compute()
    np.save(path, result)
    return result
