"""The figures and pictures of a model's card, of the valid split."""

import os

import matplotlib
import numpy as np
import torch

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

from .checkpoint import load_checkpoint  # noqa: E402
from .data import LABELS  # noqa: E402
from .evaluate import accuracy, calibration_error, confusion, judge, mean_recall, predict  # noqa: E402
from .export import MIN_CONFIDENCE  # noqa: E402
from .recipes import MODELS, RECIPES  # noqa: E402
from .stages import bias_to, calibrate_stage, export_stage, load_run, mixed_shares, quantize_stage, read_temperature, ship, shipped_shares, training_shares, truth_of  # noqa: E402

BEGIN, END = "<!-- figures: python3 -m training report -->", "<!-- /figures -->"


def percent(share):
    return f"{100 * share:.1f} %"


def accuracy_rows(context, name, shipped):
    """(what, judged) of each form the model has."""
    model, splits, valid = MODELS[name], context.splits, context.splits.valid
    part = slice(7 * model.head, 7 * model.head + 7)
    rows = []
    for run in model.runs:
        path = os.path.join(context.runs, run, "last.pt")
        if not os.path.exists(path):
            continue
        net, epochs = load_run(context, run)
        mean, std = RECIPES[run].mean_std or (splits.mean, splits.std)
        logits = predict(net, valid.images, mean, std)[:, part]
        if model.even is not None:
            logits = logits + torch.as_tensor(bias_to(context, run, model.head, shipped_shares(context, model)))
        rows.append((f"float32, {run} after {epochs} epochs", judge(logits, valid)))
    rows.append((f"shipped float file ({model.weights} weights)", judge(shipped.valid_float, valid)))
    rows.append(("integers, 7-bit activations (simulated)", judge(shipped.valid_integer, valid)))
    return rows


def prior_rows(context, name, shipped):
    """Lines of markdown: accuracy and mean recall by the part of the prior that is even."""
    model = MODELS[name]
    if model.even is None:
        return []
    lines = ["", "The answers assume a mix of faces of which a part has each expression equally often; the rest is as in training. Other parts, by",
             "a bias on the same logits (0 is the attribute `prior=\"training\"`):", "", "| even part | accuracy | mean recall |", "| --- | --- | --- |"]
    training = training_shares(context, model.run, model.head)
    for even in sorted({0.0, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, model.even}):
        logits = shipped.valid_integer + torch.as_tensor(np.log(mixed_shares(training, even) / mixed_shares(training, model.even)).astype(np.float32))
        truth = truth_of(name, shipped.valid)
        mark = ", shipped" if even == model.even else ""
        lines.append(f"| {even:g}{mark} | {percent(accuracy(logits, truth))} | {percent(mean_recall(logits, truth))} |")
    return lines


def confidence_rows(logits, labels):
    """How often the answer is right above and below the confidence under which the element says nothing."""
    shifted = np.exp((logits - logits.max(1, keepdims=True).values).numpy())
    confidence = shifted.max(1) / shifted.sum(1)
    known = labels >= 0
    right = logits.argmax(1).numpy() == labels
    low = confidence < MIN_CONFIDENCE
    share = (low & known).sum() / known.sum()
    def mean(mask):
        return percent(right[mask & known].mean()) if (mask & known).any() else "none"
    return f"Below a confidence of {MIN_CONFIDENCE} are {percent(share)} of the faces; right there: {mean(low)}, above: {mean(~low)}."


def figures(context, name):
    """(markdown, confusion counts) of a model."""
    shipped, valid = ship(context, name), context.splits.valid
    labels = truth_of(name, valid)
    logits = shipped.valid_float
    tempered = logits / read_temperature(context, name)
    counts = confusion(logits, labels)
    head = "`valid` (3,579 faces)" if len(valid) == 3579 else "`valid`"
    lines = [f"| {head} | FER2013's label | mean recall | FER+ majority | mean recall |", "| --- | --- | --- | --- | --- |"]
    columns = ("fer2013", "fer2013MeanRecall", "ferplus", "ferplusMeanRecall")
    lines += [f"| {what} | {' | '.join(percent(judged[column]) for column in columns)} |" for what, judged in accuracy_rows(context, name, shipped)]
    truth = "FER2013's label" if MODELS[name].truth == "fer2013" else "FER+'s majority"
    lines += ["", f"Recall against {truth} (shipped float file): " + ", ".join(f"{label} {percent(row[i] / max(row.sum(), 1))}" for i, (label, row) in enumerate(zip(LABELS, counts))) + ".", ""]
    lines += [f"Expected calibration error (15 bins, against {truth}): {percent(calibration_error(logits, labels))} as trained, "
              f"{percent(calibration_error(tempered, labels))} with temperature {read_temperature(context, name)}, which was fitted on held-out training faces. "
              + confidence_rows(tempered, labels)]
    lines += prior_rows(context, name, shipped)
    lines += ["", "Confusion, rows the truth, columns the answer:", "", "| | " + " | ".join(LABELS) + " |", "| --- |" + " --- |" * len(LABELS)]
    lines += [f"| {label} | " + " | ".join(map(str, row)) + " |" for label, row in zip(LABELS, counts)]
    return "\n".join(lines), counts


def draw_confusion(counts, title, path):
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure, axes = plt.subplots(figsize=(5.2, 4.6))
    axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
    axes.set_xticks(range(7), LABELS, rotation=45, ha="right")
    axes.set_yticks(range(7), LABELS)
    for (row, column), share in np.ndenumerate(shares):
        axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", color="white" if share > 0.5 else "black", fontsize=8)
    axes.set_xlabel("answer")
    axes.set_ylabel("truth")
    axes.set_title(title, fontsize=10)
    save(figure, path)


def draw_curves(context, runs, head, path):
    """Accuracy on valid after each epoch of the runs, one after the other."""
    figure, axes = plt.subplots(figsize=(6, 3.6))
    done = 0
    for run in runs:
        file = os.path.join(context.runs, run, "last.pt")
        if not os.path.exists(file):
            continue
        history = load_checkpoint(file, ("history",))["history"]
        epochs = [done + row["epoch"] for row in history]
        for truth, style in (("fer2013", "-"), ("ferplus", "--")):
            axes.plot(epochs, [100 * row[f"{truth}-head{head}"] for row in history], style, marker=".", label=f"{run}, {truth}")
        done += len(history)
    axes.set_xlabel("epoch")
    axes.set_ylabel("valid, %")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
    save(figure, path)


def save(figure, path):
    figure.tight_layout()
    figure.savefig(path, dpi=90, metadata={"Software": None})
    plt.close(figure)


def into_card(path, text):
    """Put the figures between the card's marks, or print only when there is no card."""
    if not os.path.exists(path):
        return
    with open(path, encoding="utf-8") as file:
        card = file.read()
    before, _, rest = card.partition(BEGIN)
    after = rest.partition(END)[2]
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def report_stage(context, name):
    text, counts = figures(context, name)
    print(text)
    folder = context.folder(name)
    draw_confusion(counts, f"{name}, share of each row in %", os.path.join(folder, "confusion.png"))
    draw_curves(context, MODELS[name].runs, MODELS[name].head, os.path.join(folder, "curves.png"))
    into_card(os.path.join(folder, "CARD.md"), text)


def ship_stage(context, name):
    """Everything in a model's folder, from its last checkpoint."""
    for stage in (calibrate_stage, quantize_stage, export_stage, report_stage):
        stage(context, name)
