"""The contract beside a model's files."""

import hashlib
import json
import os

from .data import LABELS
from .errors import BadInput

# Where the eyes lie in FER2013's training faces, as `npm run fit-crop` finds them; a fitted value in the contract stays.
EYES = [[0.3181, 0.3962], [0.6819, 0.3962]]
MIN_CONFIDENCE = 0.4


def file_entry(folder, name):
    with open(os.path.join(folder, name), "rb") as file:
        content = file.read()
    return {"path": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def read_contract(folder):
    """The contract that is there, or {}."""
    path = os.path.join(folder, "contract.json")
    if not os.path.exists(path):
        return {}
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except ValueError as error:
        raise BadInput(f"{path}: not JSON ({error})") from None


def write_contract(folder, name, title, mean, std, temperature, prior, weights, macs, training):
    """contract.json. prior: {shares, training} or None: the mix of expressions that the logits assume, and that of training, see
    README.md. Version, crop, smallest face and the int8 entry, which others set, fit, measure and pack, are kept where they still hold."""
    old = read_contract(folder)
    contract = {
        "schema": 1, "kind": "classifier", "name": name, "version": old.get("version", "1.0.0"), "title": title, "labels": list(LABELS),
        "input": {"width": 48, "height": 48, "channels": 1, "mean": mean, "std": std, "luma": "rec601"},
        "output": "logits",
        "crop": old.get("crop", {"eyes": EYES}),
        "temperature": temperature, "minConfidence": old.get("minConfidence", MIN_CONFIDENCE),
        "float": {"model": "model.json", "files": [file_entry(folder, "model.json"), file_entry(folder, "weights.bin")]},
        "weights": weights, "macs": macs, "training": training,
    }
    if prior is not None:
        contract["prior"] = prior
    if "smallestFacePx" in old:
        contract["smallestFacePx"] = old["smallestFacePx"]
    if "int8" in old:
        contract["int8"] = old["int8"]
    with open(os.path.join(folder, "contract.json"), "w", encoding="utf-8") as file:
        json.dump(contract, file, indent=2)
        file.write("\n")
