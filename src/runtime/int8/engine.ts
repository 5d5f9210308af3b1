import type { Engine, EngineParts } from "../engine.ts";
import { createClassifier } from "./classifier.ts";
import { createDetector } from "./detector.ts";
import { loadKernels } from "./kernels.ts";

/** Both networks in integers, on kernels inside tfjs's WASM backend. */
export async function createEngine({ assetBase, backend, detector, classifier }: EngineParts): Promise<Engine> {
  const chosen = await loadKernels(assetBase, backend.simd);
  const faces = await createDetector(detector, chosen);
  const expressions = await createClassifier(classifier, chosen).catch((error: unknown) => {
    faces.dispose();
    throw error;
  });
  return {
    name: "int8",
    variant: chosen.variant,
    threads: 1,
    detector: faces,
    classifier: expressions,
    detectorInfo: detector.info,
    classifierInfo: classifier.info,
    wasmBytes: () => backend.wasmBytes(),
    dispose: () => {
      faces.dispose();
      expressions.dispose();
    },
  };
}
