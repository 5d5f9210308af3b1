import "@tensorflow/tfjs-backend-wasm/dist/register_all_kernels.js";
import { backend, getKernelsForBackend } from "@tensorflow/tfjs-core";
import { EmotionCamError } from "../../errors.ts";
import { type Engine, type EngineParts, assembleEngine } from "../engine.ts";
import { createClassifier } from "./classifier.ts";
import { createDetector } from "./detector.ts";

/**
 * Make the reference engine: plain tfjs, and `@tensorflow-models/blazeface` for detection.
 *
 * @throws EmotionCamError `model-corrupt`, which names the networks.
 */
export async function createEngine(parts: EngineParts): Promise<Engine> {
  const { detector, classifier } = parts;
  // tfjs sets a backend's kernels up when the backend starts, and these were registered after that.
  for (const { setupFunc } of getKernelsForBackend("wasm")) setupFunc?.(backend());
  const [faces, expressions] = await Promise.all([createDetector(detector), createClassifier(classifier)]).catch(
    (cause: unknown) => {
      const names = [detector, classifier].map(({ info }) => `${info.name} ${info.version}`).join(" or ");
      throw new EmotionCamError(
        "model-corrupt",
        `The float network of ${names} does not load in tfjs: serve the package's folder models/ as it is.`,
        { cause },
      );
    },
  );
  return assembleEngine(parts, "float", "tfjs", faces, expressions);
}
