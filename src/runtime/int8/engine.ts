import { type Engine, type EngineParts, assembleEngine } from "../engine.ts";
import { createClassifier } from "./classifier.ts";
import { createDetector } from "./detector.ts";
import { chooseVariant } from "./choose-variant.ts";

/**
 * Make the engine that computes both networks in integers, inside tfjs's WASM backend.
 *
 * @throws EmotionCamError `wasm-load` or `model-corrupt`.
 */
export async function createEngine(parts: EngineParts): Promise<Engine> {
  const { assetBase, backend, detector, classifier } = parts;
  const chosen = chooseVariant(assetBase, backend.simd);
  const loads = [createDetector(detector, chosen), createClassifier(classifier, chosen)] as const;
  const [faces, expressions] = await Promise.all(loads).catch(async (error: unknown) => {
    for (const part of await Promise.allSettled(loads)) if (part.status === "fulfilled") part.value.dispose();
    throw error;
  });
  return assembleEngine(parts, "int8", (await chosen).variant, faces, expressions);
}
