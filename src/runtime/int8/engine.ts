import type { Engine, EngineParts } from "../engine.ts";
import { createClassifier } from "./classifier.ts";
import { createDetector } from "./detector.ts";
import { chooseVariant } from "./choose-variant.ts";

/**
 * Make the engine that computes both networks in integers, inside tfjs's WASM backend.
 *
 * @throws EmotionCamError `wasm-load` or `model-corrupt`.
 */
export async function createEngine({ assetBase, backend, detector, classifier }: EngineParts): Promise<Engine> {
  const chosen = chooseVariant(assetBase, backend.simd);
  const parts = [createDetector(detector, chosen), createClassifier(classifier, chosen)] as const;
  const [faces, expressions] = await Promise.all(parts).catch(async (error: unknown) => {
    for (const part of await Promise.allSettled(parts)) if (part.status === "fulfilled") part.value.dispose();
    throw error;
  });
  return {
    name: "int8",
    variant: (await chosen).variant,
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
