"""The training loop: resumable at any step, one line of figures an epoch."""

import json
import os
import signal
import time

import numpy as np
import torch
import torch.nn.functional as F

from .augment import augment
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
    """Trains `net` by a recipe on faces uint8 [n,48,48] with targets float32 [n,k]; `folder` keeps all that is needed to go on.

    evaluate: state dict -> dict of figures, called after every epoch. deadline: monotonic time to stop at. teachers:
    trained nets of the same heads whose answers are mixed into the targets, by the recipe's `distil`.
    """

    def __init__(self, net, recipe, images, targets, mean, std, folder, evaluate, deadline=float("inf"), teachers=()):
        self.device = device()
        self.half = half_precision()
        self.net = net.to(self.device, memory_format=torch.channels_last)
        self.teachers = [teacher.to(self.device, memory_format=torch.channels_last).eval() for teacher in teachers]
        self.recipe, self.mean, self.std, self.evaluate, self.deadline = recipe, mean, std, evaluate, deadline
        self.images, self.targets = torch.as_tensor(images).to(self.device), torch.as_tensor(targets).to(self.device)
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
        self.net.load_state_dict(state["net"])
        if "optimizer" in state:
            self.optimizer.load_state_dict(state["optimizer"])
        if self.average:
            source = state.get("average") or state["net"]
            self.average = {k: v.clone().to(self.device) for k, v in source.items()}

    def save(self):
        names = ("average", "epoch", "step", "history")
        save_checkpoint(self.path, {"net": self.net.state_dict(), "optimizer": self.optimizer.state_dict(), **{n: getattr(self, n) for n in names}})

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
        order = torch.randperm(len(self.images), generator=torch.Generator().manual_seed(self.recipe.seed * 1000 + self.epoch))
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

    def train_step(self, index):
        # Everything random follows from (seed, epoch, step), so a resumed run repeats what an unbroken one does.
        key = (self.recipe.seed * 1000 + self.epoch) * 100000 + self.step
        generator = torch.Generator().manual_seed(key)
        torch.manual_seed(key)
        rate = self.recipe.lr * self.recipe.schedule(self.epoch + self.step / self.steps, self.recipe.epochs)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        index = index.to(self.device)
        x = augment(standardise(self.images[index], self.mean, self.std), generator, self.recipe.strength, self.recipe.erase)
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.half):
            logits = self.net(x).float()
        loss = self.recipe.loss(logits, self.taught(x, self.targets[index]))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        if self.average:
            self.update_average()
        return loss.item()

    def taught(self, x, targets):
        """The targets [n, 7 * heads] of the changed faces x, with the teachers' mean answer to the same pixels mixed in."""
        if not self.teachers:
            return targets
        heads = targets.view(len(x), -1, 7)
        with torch.no_grad(), torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.half):
            answers = sum(F.softmax(teacher(x).float().view(heads.shape), 2) for teacher in self.teachers) / len(self.teachers)
        return torch.lerp(heads, answers * heads.sum(2, keepdim=True), self.recipe.distil).view(targets.shape)

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
