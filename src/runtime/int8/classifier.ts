import { EmotionCamError } from "../../errors.ts";
import type { Classifier } from "../../pipeline/stages.ts";
import { LABELS } from "../../types.ts";
import type { ClassifierContract, LoadedModel } from "../contract.ts";
import { softmaxRows } from "../softmax.ts";
import type { ChosenVariant } from "./choose-variant.ts";
import { modelBytes } from "./model-bytes.ts";
import { loadNetwork } from "./tfjs-kernel.ts";
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
      const bytes = 4 * size * size;
      for (let face = 0; face < count; face++) {
        const floats = loaded.compute(squares.subarray(face * bytes, (face + 1) * bytes));
        scores.set(floats.subarray(0, labels), face * labels);
      }
      return softmaxRows(scores, labels, temperature, prior === "training" ? toTrainingPrior : null);
    },
    dispose: () => loaded.dispose(),
  };
}
