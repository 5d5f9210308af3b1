import { tensor1d } from "@tensorflow/tfjs-core";
import { EmotionCamError } from "../../errors.ts";
import type { Classifier } from "../../pipeline/stages.ts";
import { LABELS } from "../../types.ts";
import type { ClassifierContract, LoadedModel } from "../contract.ts";
import { softmaxRows } from "../softmax.ts";
import type { ChosenVariant } from "./choose-variant.ts";
import { modelBytes } from "./model-bytes.ts";
import { loadNetwork } from "./tfjs-kernel.ts";
import { rgbaWords } from "./rgba-words.ts";
import { readNetwork } from "./reader.ts";

/**
 * Make a classifier from an integer network of logits.
 *
 * @throws EmotionCamError `model-corrupt` where the network is broken or is not what its contract says.
 */
export async function createClassifier(
  model: LoadedModel<ClassifierContract>,
  chosen: Promise<ChosenVariant>,
): Promise<Classifier & { dispose(): void }> {
  const { inputSize: size, crop, minConfidence, smallestFacePx, temperature, toTrainingPrior } = model.contract;
  const network = readNetwork(modelBytes(model), model.info.name);
  const { kernels, variant } = await chosen;
  const loaded = loadNetwork(network, kernels, variant);
  const [output, ...more] = loaded.outputs;
  const fits = output?.pixels === 1 && output.channels === LABELS.length && more.length === 0;
  if (!fits || network.input.size !== size || network.input.kind !== "gray") {
    loaded.dispose();
    throw new EmotionCamError(
      "model-corrupt",
      `The int8 network of ${model.info.name} is not what its contract says: input or output differ.`,
    );
  }
  let scores = new Float32Array(0);
  return {
    inputSize: size,
    crop,
    minConfidence,
    smallestFacePx,
    classify(squares, count, prior) {
      const labels = LABELS.length;
      if (scores.length !== count * labels) scores = new Float32Array(count * labels);
      const words = rgbaWords(squares);
      for (let face = 0; face < count; face++) {
        const pixels = tensor1d(words.subarray(face * size * size, (face + 1) * size * size), "int32");
        const out = loaded.run(pixels);
        pixels.dispose();
        scores.set(out.dataSync<"float32">().subarray(0, labels), face * labels);
        out.dispose();
      }
      return softmaxRows(scores, labels, temperature, prior === "training" ? toTrainingPrior : null);
    },
    dispose: () => loaded.dispose(),
  };
}
