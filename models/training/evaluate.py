"""Logits of faces, and what they are worth: accuracy, recall, confusion, calibration error."""

import numpy as np
import torch

from .data import LABELS

BINS = 15


def standardise(images, mean, std):
    """uint8 [n,48,48] -> float32 [n,1,48,48]."""
    return (torch.as_tensor(images).float().unsqueeze(1) - mean) / std


def predict(net, images, mean, std, batch=256):
    """The net's output [n,k] for faces uint8 [n,48,48], in evaluation mode."""
    net.eval()
    device = next(net.parameters()).device
    with torch.no_grad():
        parts = [net(standardise(part, mean, std).to(device, memory_format=torch.channels_last)).cpu() for part in torch.as_tensor(images).split(batch)]
    return torch.cat(parts)


def accuracy(logits, labels):
    """Share of the rows with a label (>= 0) whose answer it is. logits [n,7], labels int [n]."""
    labels = torch.as_tensor(labels)
    known = labels >= 0
    return (logits.argmax(1)[known] == labels[known]).float().mean().item()


def confusion(logits, labels):
    """Counts [7,7]: rows the truth, columns the answer."""
    counts = np.zeros((len(LABELS), len(LABELS)), int)
    labels, answers = np.asarray(labels), logits.argmax(1).numpy()
    known = labels >= 0
    np.add.at(counts, (labels[known], answers[known]), 1)
    return counts


def calibration_error(logits, labels):
    """Expected calibration error over 15 equal bins of the winner's probability; logits already tempered."""
    labels = torch.as_tensor(labels)
    known = labels >= 0
    confidence, answer = torch.softmax(logits[known], 1).max(1)
    right = (answer == labels[known]).float()
    bins = (confidence * BINS).long().clamp(max=BINS - 1)
    gaps = [(bins == b).float().mean() * (right[bins == b].mean() - confidence[bins == b].mean()).abs() for b in bins.unique()]
    return float(sum(gaps))


def mean_recall(logits, labels):
    """The mean over the expressions that occur of the share of their faces that is answered so (balanced accuracy)."""
    counts = confusion(logits, labels)
    truth = counts.sum(1)
    return float((counts.diagonal()[truth > 0] / truth[truth > 0]).mean())


def judge(logits, faces):
    """Accuracy and mean recall of logits [n,7] against both kinds of labels, as fractions."""
    truths = {"fer2013": faces.fer2013, "ferplus": faces.majority()}
    return {key: value for truth, labels in truths.items() for key, value in ((truth, accuracy(logits, labels)), (f"{truth}MeanRecall", mean_recall(logits, labels)))}
