import { expect, test } from "vitest";
import { intersectionOverUnion } from "../../src/pipeline/geometry.ts";
import { createPipeline } from "../../src/pipeline/pipeline.ts";
import { loadEngine } from "../../src/runtime/load-engine.ts";
import { Planes } from "../../src/runtime/planes.ts";
import { Pixels } from "../../src/runtime/pixels.ts";
import type { EngineName, Face, FrameOptions } from "../../src/types.ts";
import { openClip, seek } from "../fixtures/clip.ts";

/** Every frame is computed, and labels are smoothed as in the element. */
const OPTIONS: FrameOptions = { maxFaces: 4, minScore: 0.5, smoothing: 0.5, range: "near", pace: "measure" };
/** Time between two frames: enough of them for a share, and few enough for a busy machine to seek. */
const STEP_S = 0.2;
const LEAST_AGREEMENT = 0.98;
/** Least overlap of two boxes of one face. */
const SAME_FACE_IOU = 0.7;
const HANG_MS = 300_000;

async function pipelineOf(engine: EngineName) {
  const loaded = await loadEngine({ assetBase: `${location.origin}/`, engine, model: "edge" }, () => {});
  expect(loaded.runtime.engine).toBe(engine);
  const { detector, classifier } = loaded.engine;
  return createPipeline({ detector, classifier, clock: () => performance.now() });
}

/** @returns True if each face of one result is among the other's, in the same place and with the same word. */
function agree(ours: readonly Face[], theirs: readonly Face[]): boolean {
  return (
    ours.length === theirs.length &&
    ours.every((face) =>
      theirs.some((other) => intersectionOverUnion(face.box, other.box) > SAME_FACE_IOU && face.label === other.label),
    )
  );
}

test(
  "both engines find the same faces and labels in the demo clip",
  async () => {
    // In one page the float engine comes first, because the int8 engine starts tfjs without its kernels.
    const [float, int8] = [await pipelineOf("float"), await pipelineOf("int8")];
    const [planes, pixels] = [new Planes(), new Pixels()];
    const video = await openClip("/demo.webm");
    const differences: string[] = [];
    let frames = 0;
    let faces = 0;
    for (let seconds = 0.01; seconds < video.duration; seconds += STEP_S, frames++) {
      await seek(video, seconds);
      const frame = new VideoFrame(video, { timestamp: Math.round(seconds * 1e6) });
      const picture = (await planes.read(frame)) ?? pixels.read(frame);
      frame.close();
      const ours = await int8.process(picture, seconds * 1000, OPTIONS);
      const theirs = await float.process(picture, seconds * 1000, OPTIONS);
      faces += theirs.faces.length;
      if (agree(ours.faces, theirs.faces)) continue;
      const words = [ours, theirs].map((result) => result.faces.map(({ label }) => label).join(", ") || "nobody");
      differences.push(`${seconds.toFixed(2)} s: int8 ${words[0]}, float ${words[1]}`);
    }
    expect(frames).toBeGreaterThan(100);
    expect(faces).toBeGreaterThan(frames / 2);
    console.log(`${frames - differences.length} of ${frames} frames agree, ${faces} faces`);
    expect(differences.length / frames, differences.join("\n")).toBeLessThanOrEqual(1 - LEAST_AGREEMENT);
  },
  HANG_MS,
);
