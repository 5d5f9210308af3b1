"""All stages on a few hundred faces, in a temporary folder: proves that they fit together, not that they learn."""

import os
import tempfile
from dataclasses import replace

from .report import ship_stage
from .stages import compress_stage, qat_stage, train_stage

FACES = 400


def smoke(context):
    with tempfile.TemporaryDirectory() as folder:
        context = replace(context, runs=os.path.join(folder, "runs"), out=os.path.join(folder, "models"), limit=FACES, epochs=1)
        train_stage(context, "seed-full")
        compress_stage(context)
        for run in ("seed-low", "edge-stable", "edge-decay", "edge-distil"):
            train_stage(context, run)
        qat_stage(context, "edge")
        for model in ("seed", "edge", "edge-fer2013"):
            ship_stage(context, model)
            files = sorted(os.listdir(context.folder(model)))
            print(f"{model}: {', '.join(files)}")
    print("smoke: all stages ran")
