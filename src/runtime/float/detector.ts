import { tensor3d } from "@tensorflow/tfjs-core";
import { load } from "@tensorflow-models/blazeface";
import type { Detection, Detector } from "../../pipeline/stages.ts";
import type { DetectorContract, LoadedModel } from "../contract.ts";
import { filesHandler } from "./files.ts";

/** More faces than this in one square are not looked for: each costs the package a few tensor operations. */
const MOST_FACES = 16;
/** Boxes that overlap by more (intersection over union) are one face. MediaPipe's and the package's own figure. */
const SAME_FACE_IOU = 0.3;

/** BlazeFace by `@tensorflow-models/blazeface`, on our own copy of the network. */
export async function createDetector(model: LoadedModel<DetectorContract>): Promise<Detector & { dispose(): void }> {
  const size = model.contract.inputSize;
  const blazeface = await load({
    modelUrl: filesHandler(model),
    inputWidth: size,
    inputHeight: size,
    maxFaces: MOST_FACES,
    iouThreshold: SAME_FACE_IOU,
  });
  const rgb = new Float32Array(size * size * 3);

  return {
    inputSize: size,
    async detect(rgba, minScore) {
      // Private in the package's types and fixed when it loads, while ours rides on the frame.
      Reflect.set(blazeface, "scoreThreshold", minScore);
      for (let from = 0, to = 0; to < rgb.length; from += 4) {
        rgb[to++] = rgba[from]!;
        rgb[to++] = rgba[from + 1]!;
        rgb[to++] = rgba[from + 2]!;
      }
      const input = tensor3d(rgb, [size, size, 3]);
      try {
        const faces = await blazeface.estimateFaces(input, false);
        return faces.map((face) => detection(face, size));
      } finally {
        input.dispose();
      }
    },
    dispose: () => blazeface.dispose(),
  };
}

type PackageFace = Awaited<ReturnType<Awaited<ReturnType<typeof load>>["estimateFaces"]>>[number];

/** The package's face, in pixels of the square, as plain fractions of it. */
function detection({ topLeft, bottomRight, landmarks, probability }: PackageFace, size: number): Detection {
  // Asked for values, the package answers with arrays where its types allow tensors too.
  const [left, top] = topLeft as [number, number];
  const [right, bottom] = bottomRight as [number, number];
  const [score = 0] = probability as unknown as [number];
  return {
    box: { x: left / size, y: top / size, width: (right - left) / size, height: (bottom - top) / size },
    keypoints: (landmarks as [number, number][]).map(([x, y]) => ({ x: x / size, y: y / size })),
    score,
  };
}
