"""All stages on a few hundred faces, in a temporary folder: proves that they fit together, not that they learn."""

import os
import tempfile
from dataclasses import replace

from .report import report_stage
from .stages import calibrate_stage, compress_stage, export_stage, qat_stage, quantize_stage, train_stage

FACES = 400


def smoke(context):
    with tempfile.TemporaryDirectory() as folder:
        context = replace(context, runs=os.path.join(folder, "runs"), out=os.path.join(folder, "models"), limit=FACES, epochs=1)
        train_stage(context, "seed-full")
        compress_stage(context)
        for run in ("seed-low", "edge-stable", "edge-decay"):
            train_stage(context, run)
        qat_stage(context, "edge")
        for model in ("seed", "edge", "edge-fer2013"):
            for stage in (calibrate_stage, quantize_stage, export_stage, report_stage):
                stage(context, model)
            files = sorted(os.listdir(context.folder(model)))
            print(f"{model}: {', '.join(files)}")
    print("smoke: all stages ran")
