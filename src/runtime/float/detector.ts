import { tensor3d } from "@tensorflow/tfjs-core";
import { load } from "@tensorflow-models/blazeface";
import type { Detection, Detector } from "../../pipeline/stages.ts";
import { MAX_FACES } from "../../types.ts";
import type { DetectorContract, LoadedModel } from "../contract.ts";
import { filesHandler } from "./files.ts";

/** Boxes that overlap by more (intersection over union) are one face: the value of MediaPipe and of the package. */
const SAME_FACE_IOU = 0.3;

/**
 * Make a detector from `@tensorflow-models/blazeface`, on our own copy of the network. The package scales RGB in 0..255
 * to -1..1, decodes the anchors, and blends overlapping boxes by non-maximum suppression. (BlazeFace: Bazarevsky et al.
 * 2019, https://arxiv.org/abs/1907.05047.)
 */
export async function createDetector(model: LoadedModel<DetectorContract>): Promise<Detector & { dispose(): void }> {
  const size = model.contract.inputSize;
  const blazeface = await load({
    modelUrl: filesHandler(model),
    inputWidth: size,
    inputHeight: size,
    // Each face costs the package a few tensor operations.
    maxFaces: MAX_FACES,
    iouThreshold: SAME_FACE_IOU,
  });
  const rgb = new Float32Array(size * size * 3);

  return {
    inputSize: size,
    async detect(rgba, minScore) {
      // Private in the package's types, and fixed at load; here it may change with each frame.
      Reflect.set(blazeface, "scoreThreshold", minScore);
      for (let from = 0, to = 0; to < rgb.length; from += 4) {
        rgb[to++] = rgba[from]!;
        rgb[to++] = rgba[from + 1]!;
        rgb[to++] = rgba[from + 2]!;
      }
      const input = tensor3d(rgb, [size, size, 3]);
      try {
        const faces = await blazeface.estimateFaces(input, false);
        return faces.map((face) => toDetection(face, size));
      } finally {
        input.dispose();
      }
    },
    dispose: () => blazeface.dispose(),
  };
}

type PackageFace = Awaited<ReturnType<Awaited<ReturnType<typeof load>>["estimateFaces"]>>[number];

/**
 * Convert a face of the package to a detection.
 *
 * @param face Places in pixels of the square.
 * @param size Side of the square, pixels.
 */
function toDetection({ topLeft, bottomRight, landmarks, probability }: PackageFace, size: number): Detection {
  // The package's types allow tensors too; called with returnTensors = false it returns arrays.
  const [left, top] = topLeft as [number, number];
  const [right, bottom] = bottomRight as [number, number];
  const [score] = probability as unknown as [number];
  return {
    box: { x: left / size, y: top / size, width: (right - left) / size, height: (bottom - top) / size },
    keypoints: (landmarks as [number, number][]).map(([x, y]) => ({ x: x / size, y: y / size })),
    score,
  };
}
