import type { Classifier, Detector } from "../pipeline/stages.ts";
import type { EngineName, ModelInfo, RuntimeInfo, SimdLevel } from "../types.ts";
import { type Backend, startBackend } from "./backend.ts";
import {
  type ClassifierContract,
  type DetectorContract,
  type LoadedModel,
  artifactBytes,
  findClassifier,
  findDetector,
  loadModel,
} from "./contract.ts";
import type { RuntimeOptions } from "./protocol.ts";

/** A detector and a classifier that compute the same way. */
export interface Engine {
  readonly name: EngineName;
  /** The kernels in use: `tfjs`, or a variant of the int8 kernels. */
  readonly variant: string;
  readonly threads: number;
  readonly detector: Detector;
  readonly classifier: Classifier;
  readonly detectorInfo: ModelInfo;
  readonly classifierInfo: ModelInfo;
  /** Bytes of WebAssembly memory now. */
  wasmBytes(): number;
  /** Gives the networks' memory back. */
  dispose(): void;
}

/** What an engine is made from: the backend runs, and the files are here and checked. */
export interface EngineParts {
  /** URL of the folder that holds `wasm/`, ending in a slash. */
  readonly assetBase: string;
  readonly backend: Backend;
  readonly detector: LoadedModel<DetectorContract>;
  readonly classifier: LoadedModel<ClassifierContract>;
}

interface EngineModule {
  createEngine(parts: EngineParts): Promise<Engine>;
}

/** Each engine is a chunk of its own, loaded when it is chosen. */
const ENGINES: Record<EngineName, () => Promise<EngineModule>> = {
  float: () => import("./float/engine.ts"),
  int8: () => import("./int8/engine.ts"),
};

const DETECTOR = "blazeface";

/** int8 wants SIMD and both networks' int8 files; where they are missing float does the work, whatever was asked. */
function chooseEngine(
  asked: RuntimeOptions["engine"],
  simd: SimdLevel,
  contracts: readonly (DetectorContract | ClassifierContract)[],
): EngineName {
  const possible = simd !== "none" && contracts.every((contract) => contract.artifacts.int8);
  return possible && asked !== "float" ? "int8" : "float";
}

/** An engine that answered once already, and what the world is told about it. */
export interface LoadedEngine {
  readonly engine: Engine;
  readonly runtime: RuntimeInfo;
}

/**
 * Loads the networks and computes once with each, so that the first frame does not pay for it.
 *
 * @param onProgress Called as bytes of the networks' files come.
 * @throws EmotionCamError `wasm-load`, `model-load` or `model-corrupt`, which names the URL.
 */
export async function loadEngine(
  { assetBase, engine: asked, model }: RuntimeOptions,
  onProgress: (loadedBytes: number, totalBytes: number) => void,
): Promise<LoadedEngine> {
  const [backend, foundDetector, foundClassifier] = await Promise.all([
    startBackend(assetBase),
    findDetector(DETECTOR, assetBase),
    findClassifier(model, assetBase),
  ]);
  const contracts = [foundDetector.contract, foundClassifier.contract];
  const name = chooseEngine(asked, backend.simd, contracts);
  const totalBytes = contracts.reduce((sum, contract) => sum + artifactBytes(contract.artifacts[name]), 0);
  let loadedBytes = 0;
  const onBytes = (count: number) => {
    loadedBytes += count;
    onProgress(loadedBytes, totalBytes);
  };
  const [module, detector, classifier] = await Promise.all([
    ENGINES[name](),
    loadModel(foundDetector, name, onBytes),
    loadModel(foundClassifier, name, onBytes),
  ]);
  const engine = await module.createEngine({ assetBase, backend, detector, classifier });
  await warmUp(engine);
  return {
    engine,
    runtime: {
      engine: engine.name,
      backend: "wasm",
      simd: backend.simd,
      variant: engine.variant,
      threads: engine.threads,
      detector: engine.detectorInfo,
      classifier: engine.classifierInfo,
      minConfidence: engine.classifier.minConfidence,
      wasmBytes: engine.wasmBytes(),
    },
  };
}

async function warmUp({ detector, classifier }: Engine): Promise<void> {
  await detector.detect(new Uint8ClampedArray(detector.inputSize ** 2 * 4), 1);
  await classifier.classify(new Uint8ClampedArray(classifier.inputSize ** 2 * 4), 1);
}
