import { EmotionCamError } from "../../errors.ts";
import type { Engine, EngineParts } from "../engine.ts";
import { createClassifier } from "./classifier.ts";
import { createDetector } from "./detector.ts";

/**
 * Make the reference engine: plain tfjs, and `@tensorflow-models/blazeface` for detection.
 *
 * @throws EmotionCamError `model-corrupt`, which names the networks.
 */
export async function createEngine({ backend, detector, classifier }: EngineParts): Promise<Engine> {
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
  return {
    name: "float",
    variant: "tfjs",
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
