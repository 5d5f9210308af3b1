import { EmotionCamError } from "../../errors.ts";
import type { Detector } from "../../pipeline/stages.ts";
import type { DetectorContract, LoadedModel } from "../contract.ts";
import { type Grid, ROW, decodeFaces } from "./decode.ts";
import type { ChosenVariant } from "./choose-variant.ts";
import { modelBytes } from "./model-bytes.ts";
import { loadNetwork } from "./tfjs-kernel.ts";
import { readNetwork } from "./reader.ts";

/**
 * Make a detector from BlazeFace as an integer network.
 *
 * @throws EmotionCamError `model-corrupt` where the network is broken or is not what its contract says.
 */
export async function createDetector(
  model: LoadedModel<DetectorContract>,
  chosen: Promise<ChosenVariant>,
): Promise<Detector & { dispose(): void }> {
  const { anchors, inputSize: size } = model.contract;
  const network = readNetwork(modelBytes(model), model.info.name);
  const { kernels, variant } = await chosen;
  const loaded = loadNetwork(network, kernels, variant);
  const grids = anchors.map(({ stride, perCell }, i): Grid => {
    const cells = Math.ceil(size / stride) ** 2;
    const floats = loaded.outputs[i];
    const fits = floats?.pixels === cells && floats.channels === perCell * ROW && network.input.kind === "color";
    if (!fits || network.input.size !== size || loaded.outputs.length !== anchors.length) {
      loaded.dispose();
      throw new EmotionCamError(
        "model-corrupt",
        `The int8 network of ${model.info.name} is not what its contract says: input or anchors differ.`,
      );
    }
    return { stride, perCell, start: floats.start, cellStride: floats.stride };
  });
  return {
    inputSize: size,
    detect(rgba, minScore) {
      return decodeFaces(loaded.compute(rgba), grids, size, minScore);
    },
    dispose: () => loaded.dispose(),
  };
}
