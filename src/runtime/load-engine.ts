import type { EngineName, SimdLevel } from "../types.ts";
import { startBackend } from "./backend.ts";
import { type ClassifierContract, type DetectorContract, artifactBytes } from "./contract.ts";
import type { Engine, EngineModule, LoadedEngine } from "./engine.ts";
import { findClassifier, findDetector, loadModel } from "./load-model.ts";
import type { RuntimeOptions } from "./protocol.ts";
import { simdLevel } from "./simd.ts";

/** Each engine is a chunk of its own, loaded only where it is chosen. */
const ENGINES: Record<EngineName, () => Promise<EngineModule>> = {
  float: () => import("./float/engine.ts"),
  int8: () => import("./int8/engine.ts"),
};

const DETECTOR = "blazeface";

/**
 * Choose the engine. int8 needs SIMD and int8 files of both networks; where one of them is missing, float computes,
 * whatever was asked for.
 */
function chooseEngine(
  asked: RuntimeOptions["engine"],
  simd: SimdLevel,
  contracts: readonly (DetectorContract | ClassifierContract)[],
): EngineName {
  const possible = simd !== "none" && contracts.every((contract) => contract.artifacts.int8);
  return possible && asked !== "float" ? "int8" : "float";
}

/**
 * Load the networks and run each once, so that the first frame does not pay for it.
 *
 * @param onProgress Called whenever bytes of the networks' files arrive, with the bytes loaded so far and in total.
 * @throws EmotionCamError `wasm-load`, `model-load` or `model-corrupt`, which names the URL.
 */
export async function loadEngine(
  { assetBase, engine: asked, model }: RuntimeOptions,
  onProgress: (loadedBytes: number, totalBytes: number) => void,
): Promise<LoadedEngine> {
  const [foundDetector, foundClassifier] = await Promise.all([
    findDetector(DETECTOR, assetBase),
    findClassifier(model, assetBase),
  ]);
  const contracts = [foundDetector.contract, foundClassifier.contract];
  const simd = simdLevel();
  const name = chooseEngine(asked, simd, contracts);
  const totalBytes = contracts.reduce((sum, contract) => sum + artifactBytes(contract.artifacts[name]), 0);
  let loadedBytes = 0;
  const onBytes = (count: number) => {
    loadedBytes += count;
    onProgress(loadedBytes, totalBytes);
  };
  const [backend, module, detector, classifier] = await Promise.all([
    startBackend(assetBase, simd, name),
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
      simd,
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
