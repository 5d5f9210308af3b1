"""Checkpoints: written whole or not at all, read with a clear word when they are broken."""

import os

import torch

from .errors import BadInput


def save_checkpoint(path, state):
    torch.save(state, path + ".part")
    os.replace(path + ".part", path)


def load_checkpoint(path, keys):
    try:
        state = torch.load(path, map_location="cpu")
    except FileNotFoundError:
        raise BadInput(f"{path}: no such checkpoint") from None
    except Exception as error:  # torch raises half a dozen kinds for a truncated file
        raise BadInput(f"{path}: not a readable checkpoint ({type(error).__name__}: {str(error).splitlines()[0]})") from None
    missing = [key for key in keys if not isinstance(state, dict) or key not in state]
    if missing:
        raise BadInput(f"{path}: checkpoint lacks {', '.join(missing)}")
    return state
