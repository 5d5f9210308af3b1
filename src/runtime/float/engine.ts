import { EmotionCamError } from "../../errors.ts";
import type { Engine, EngineParts } from "../engine.ts";
import { createClassifier } from "./classifier.ts";
import { createDetector } from "./detector.ts";

/** The reference: plain tfjs, and `@tensorflow-models/blazeface` for detection. */
export async function createEngine({ backend, detector, classifier }: EngineParts): Promise<Engine> {
  const [faces, expressions] = await Promise.all([createDetector(detector), createClassifier(classifier)]).catch(
    (cause: unknown) => {
      const names = `${detector.info.name} ${detector.info.version}, ${classifier.info.name} ${classifier.info.version}`;
      throw new EmotionCamError("model-corrupt", `One of the networks ${names} does not load in tfjs.`, { cause });
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
