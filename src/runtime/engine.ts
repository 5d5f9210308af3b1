import type { Classifier, Detector } from "../pipeline/stages.ts";
import type { EngineName, ModelInfo, RuntimeInfo } from "../types.ts";
import type { Backend } from "./backend.ts";
import type { ClassifierContract, DetectorContract, LoadedModel } from "./contract.ts";

/** A detector and a classifier that compute in the same way. */
export interface Engine {
  readonly name: EngineName;
  /** The kernels in use: `tfjs`, or a variant of the int8 kernels. */
  readonly variant: string;
  readonly threads: number;
  readonly detector: Detector;
  readonly classifier: Classifier;
  readonly detectorInfo: ModelInfo;
  readonly classifierInfo: ModelInfo;
  /** @returns The present size of the WebAssembly memory, bytes. */
  wasmBytes(): number;
  /** Free the networks' memory. */
  dispose(): void;
}

/** The parts of an engine: the backend is started, the files are loaded and verified. */
export interface EngineParts {
  /** URL of the folder that holds `wasm/`, ending in a slash. */
  readonly assetBase: string;
  readonly backend: Backend;
  readonly detector: LoadedModel<DetectorContract>;
  readonly classifier: LoadedModel<ClassifierContract>;
}

/** A module that makes one kind of engine: `float/engine.ts` or `int8/engine.ts`. */
export interface EngineModule {
  createEngine(parts: EngineParts): Promise<Engine>;
}

/** An engine that has computed once, and its public description. */
export interface LoadedEngine {
  readonly engine: Engine;
  readonly runtime: RuntimeInfo;
}

/**
 * Put an engine together.
 *
 * @param variant As in {@link Engine.variant}.
 * @param detector Made of the detector in `parts`; the engine disposes of it.
 * @param classifier Made of the classifier in `parts`; the engine disposes of it.
 */
export function assembleEngine(
  parts: EngineParts,
  name: EngineName,
  variant: string,
  detector: Detector & { dispose(): void },
  classifier: Classifier & { dispose(): void },
): Engine {
  return {
    ...{ name, variant, threads: 1, detector, classifier },
    detectorInfo: parts.detector.info,
    classifierInfo: parts.classifier.info,
    wasmBytes: () => parts.backend.wasmBytes(),
    dispose: () => {
      detector.dispose();
      classifier.dispose();
    },
  };
}
