"""The training loop: resumable at any step, one line of figures an epoch."""

import json
import os
import signal
import time

import numpy as np
import torch
import torch.nn.functional as F

from .augment import erase_rectangles, move, spoil
from .checkpoint import load_checkpoint, save_checkpoint
from .evaluate import standardise
from .progress import Progress

SAVE_SECONDS = 240


def device():
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def half_precision():
    """Whether convolutions are faster with bfloat16 factors (sums stay float32): a GPU that has them, or a CPU that multiplies them."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            flags = file.read()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


class Trainer:
    """Trains `net` by a recipe on Lessons; `folder` keeps all that is needed to go on.

    evaluate: state dict -> dict of figures, called after every epoch. deadline: monotonic time to stop at. teachers:
    functions from faces [n,1,48,48] to probabilities [n, heads, 7], whose mean is mixed into the targets.
    """

    def __init__(self, net, recipe, lessons, mean, std, folder, evaluate, deadline=float("inf"), teachers=()):
        self.device = device()
        self.half = half_precision()
        self.net = net.to(self.device, memory_format=torch.channels_last)
        self.teachers = teachers
        self.recipe, self.mean, self.std, self.evaluate, self.deadline = recipe, mean, std, evaluate, deadline
        self.images, self.targets, self.taught_share, self.offset = (torch.as_tensor(t).to(self.device) for t in (lessons.images, lessons.targets, lessons.taught, lessons.offset))
        self.odds = None if lessons.odds is None else torch.as_tensor(lessons.odds)
        matrices = [p for p in net.parameters() if p.ndim > 1]
        vectors = [p for p in net.parameters() if p.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": recipe.decay}, {"params": vectors, "weight_decay": 0.0}]
        self.optimizer = torch.optim.SGD(groups, lr=recipe.lr, momentum=0.9, nesterov=True)
        self.average = {k: v.clone() for k, v in net.state_dict().items()} if recipe.ema else None
        self.epoch = self.step = 0
        self.history = []
        os.makedirs(folder, exist_ok=True)
        self.path = os.path.join(folder, "last.pt")
        if os.path.exists(self.path):
            self.restore(load_checkpoint(self.path, ("net", "optimizer", "epoch", "step", "history")))

    @property
    def steps(self):
        return max(1, len(self.images) // self.recipe.batch)

    def restore(self, state):
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.step, self.history = state["epoch"], state["step"], state["history"]
        if self.average:
            self.average = {k: v.to(self.device) for k, v in state["average"].items()}
        print(f"resumed at epoch {self.epoch + 1}, step {self.step + 1}", flush=True)

    def begin_from(self, state):
        """Start with another run's weights, and its momentum and average where it has them."""
        # A deeper net has blocks that its start lacks: they stay as they are.
        self.net.load_state_dict({**self.net.state_dict(), **state["net"]})
        if "optimizer" in state:
            self.optimizer.load_state_dict(state["optimizer"])
        if self.average:
            source = state.get("average") or state["net"]
            self.average.update({k: v.clone().to(self.device) for k, v in source.items()})

    def save(self):
        names = ("average", "epoch", "step", "history")
        save_checkpoint(self.path, {"net": self.net.state_dict(), "optimizer": self.optimizer.state_dict(), "offset": self.offset, **{n: getattr(self, n) for n in names}})

    def train(self):
        """Train to the recipe's end, the deadline or a request to stop; whichever it is, the checkpoint is up to date."""
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, self.stop)
        while self.epoch < self.recipe.epochs:
            loss = self.train_epoch()
            if time.monotonic() > self.deadline:
                print(f"stopped in epoch {self.epoch + 1}, step {self.step}: the same command goes on", flush=True)
                break
            self.epoch, self.step = self.epoch + 1, 0
            figures = {"epoch": self.epoch, "loss": round(loss, 4), **self.evaluate(self.shipped())}
            self.history.append(figures)
            print(json.dumps(figures), flush=True)
            self.save()
        self.save()

    def stop(self, *_):
        self.deadline = float("-inf")

    def train_epoch(self):
        """The rest of the current epoch; the mean loss of its steps."""
        self.net.train()
        order = self.order(torch.Generator().manual_seed(self.recipe.seed * 1000 + self.epoch))
        progress = Progress(self.steps, f"epoch {self.epoch + 1}/{self.recipe.epochs}")
        began = saved = time.monotonic()
        losses = []
        while self.step < self.steps and time.monotonic() <= self.deadline:
            losses.append(self.train_step(order[self.step * self.recipe.batch : (self.step + 1) * self.recipe.batch]))
            self.step += 1
            now = time.monotonic()
            if now - saved > SAVE_SECONDS:
                self.save()
                saved = now
            rate = len(losses) * self.recipe.batch / (now - began)
            progress.show(self.step, f"loss {np.mean(losses[-50:]):.3f}, {rate:.0f} faces/s")
        return float(np.mean(losses)) if losses else float("nan")

    def order(self, generator):
        """The faces of one epoch: each once, or drawn by their odds."""
        if self.odds is None:
            return torch.randperm(len(self.images), generator=generator)
        return torch.multinomial(self.odds, len(self.images), replacement=True, generator=generator)

    def train_step(self, index):
        # Everything random follows from (seed, epoch, step), so a resumed run repeats what an unbroken one does.
        key = (self.recipe.seed * 1000 + self.epoch) * 100000 + self.step
        generator = torch.Generator().manual_seed(key)
        torch.manual_seed(key)
        rate = self.recipe.lr * self.recipe.schedule(self.epoch + self.step / self.steps, self.recipe.epochs)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        index = index.to(self.device)
        seen = move(standardise(self.images[index], self.mean, self.std), generator, self.recipe.strength)
        x = erase_rectangles(seen, self.recipe.erase, generator) if self.recipe.erase else seen
        x = spoil(x, generator, self.recipe.spoil, 1 / self.std) if self.recipe.spoil else x
        targets = self.with_answers(seen, index)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.half):
            logits = self.net(x.contiguous(memory_format=torch.channels_last)).float()
        loss = self.recipe.loss(logits + self.offset, targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        if self.average:
            self.update_average()
        return loss.item()

    def with_answers(self, seen, index):
        """The targets [n, 7 * heads] with the teachers' mean answer mixed in. The teachers see the moved faces unspoilt."""
        targets = self.targets[index]
        if not self.teachers:
            return targets
        heads = targets.view(len(index), -1, 7)
        seen = seen.contiguous(memory_format=torch.channels_last)
        with torch.no_grad(), torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.half):
            answers = sum(teacher(seen) for teacher in self.teachers) / len(self.teachers)
        share = self.taught_share[index].view(-1, 1, 1)
        return torch.lerp(heads, answers * heads.sum(2, keepdim=True), share).view(targets.shape)

    def update_average(self):
        # A short memory at first, so that the start is forgotten.
        done = self.epoch * self.steps + self.step
        keep = min(self.recipe.ema, (1 + done) / (10 + done))
        for key, value in self.net.state_dict().items():
            if value.dtype.is_floating_point:
                self.average[key].lerp_(value, 1 - keep)
            else:
                self.average[key].copy_(value)

    def shipped(self):
        """The state dict to evaluate and to ship: the weights' moving average where there is one."""
        return self.average or self.net.state_dict()
