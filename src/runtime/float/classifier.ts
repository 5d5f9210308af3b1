import { type Tensor, tensor4d, tidy } from "@tensorflow/tfjs-core";
import { loadGraphModel } from "@tensorflow/tfjs-converter";
import type { Classifier } from "../../pipeline/stages.ts";
import { LABELS } from "../../types.ts";
import type { ClassifierContract, LoadedModel } from "../contract.ts";
import { softmaxRows } from "../softmax.ts";
import { filesHandler } from "./files.ts";

/**
 * Make a classifier from a graph model that maps [count, size, size, 1] float32 to [count, 7] logits, on plain tfjs.
 * The input is ITU-R BT.601 luma of RGB, 0..255, normalized by the contract's mean and std.
 */
export async function createClassifier(
  model: LoadedModel<ClassifierContract>,
): Promise<Classifier & { dispose(): void }> {
  const {
    inputSize: size,
    mean,
    std,
    crop,
    minConfidence,
    smallestFacePx,
    temperature,
    toTrainingPrior,
  } = model.contract;
  const network = await loadGraphModel(filesHandler(model));
  let input = new Float32Array(0);

  return {
    inputSize: size,
    crop,
    minConfidence,
    smallestFacePx,
    classify(squares, count, prior) {
      const pixels = count * size * size;
      if (input.length !== pixels) input = new Float32Array(pixels);
      for (let i = 0; i < pixels; i++) {
        const luma = 0.299 * squares[i * 4]! + 0.587 * squares[i * 4 + 1]! + 0.114 * squares[i * 4 + 2]!;
        input[i] = (luma - mean) / std;
      }
      const logits = tidy(() => {
        const answer = network.predict(tensor4d(input, [count, size, size, 1])) as Tensor;
        return answer.dataSync<"float32">();
      });
      return softmaxRows(logits, LABELS.length, temperature, prior === "training" ? toTrainingPrior : null);
    },
    dispose: () => network.dispose(),
  };
}
