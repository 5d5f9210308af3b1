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
