"""python3 -m training <stage> [name]: see README.md beside this file."""

import argparse
import os
import sys

# Two threads are what a small machine has; set before numpy and torch read it.
os.environ.setdefault("OMP_NUM_THREADS", str(min(os.cpu_count() or 1, 8)))

from .errors import BadInput  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", ".."))
STAGES = ("train", "warm", "answers", "average", "compress", "qat", "calibrate", "quantize", "export", "report", "ship", "smoke")


def parse(arguments):
    parser = argparse.ArgumentParser(prog="python3 -m training", description=__doc__)
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("name", nargs="?", help="a run for `train`, a model for the others (see recipes.py)")
    parser.add_argument("--data", default=os.path.join(ROOT, "..", "shared", "fer"), help="folder of the faces and labels")
    parser.add_argument("--runs", default=os.path.join(ROOT, ".cache", "training"), help="folder of checkpoints")
    parser.add_argument("--out", default=os.path.join(ROOT, "models"), help="folder of the models")
    parser.add_argument("--peers", default=os.path.join(ROOT, "tests", "commands", "speed", "bench-peers", "node_modules"), help="node_modules with face-api and human")
    parser.add_argument("--minutes", type=float, help="stop a training after so long; the same command goes on")
    parser.add_argument("--epochs", type=int, help="in place of the recipe's")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    try:
        from . import average, report, smoke, stages
    except ImportError as error:
        raise BadInput(f"{error}: these scripts need numpy, scipy, torch and matplotlib (Debian: python3-torch python3-scipy python3-matplotlib)") from None
    context = stages.Context(options.data, options.runs, options.out, options.peers, minutes=options.minutes, epochs=options.epochs)
    if options.stage == "smoke":
        return smoke.smoke(context)
    if options.stage == "compress":
        return stages.compress_stage(context)
    if options.stage == "warm":
        return stages.warm_stage(context)
    if not options.name:
        raise BadInput(f"{options.stage}: name what to {options.stage}")
    if options.stage == "average":
        return average.average_stage(context, options.name)
    if options.stage in ("report", "ship"):
        return getattr(report, f"{options.stage}_stage")(context, options.name)
    getattr(stages, f"{options.stage}_stage")(context, options.name)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BadInput as error:
        print(f"training: {error}", file=sys.stderr)
        sys.exit(2)
