import { timerResolutionMs } from "../../../../src/bench/timer.ts";

/**
 * What every peer's page has in common: the frames, and the clock around each look at one.
 *
 * A peer is `{ load(): Promise<void>, look(canvas): Promise<Sight> }`; a Sight is
 * `{ faces: number, box?: [x, y, width, height] in pixels, label?: string }`.
 */

/** Where the portrait lies in each frame: its scale and its top-left corner, in pixels of a 640x480 frame. */
const SCENES = [
  { scale: 1.1, x: 30, y: 0, mirrored: false },
  { scale: 1.3, x: -60, y: -20, mirrored: true },
  { scale: 1.0, x: 110, y: 10, mirrored: false },
  { scale: 1.5, x: -20, y: -60, mirrored: true },
  { scale: 1.2, x: 60, y: -10, mirrored: true },
  { scale: 1.0, x: -30, y: 20, mirrored: false },
  { scale: 1.4, x: -140, y: -40, mirrored: false },
  { scale: 1.15, x: 90, y: 5, mirrored: true },
];
const WIDTH = 640;
const HEIGHT = 480;
/** The portrait's own size, and where the middle of the face lies in it. */
const PORTRAIT = 512;
const FACE = { x: 222, y: 116 };

async function drawScenes() {
  const portrait = new Image();
  portrait.src = "/portrait.jpg";
  await portrait.decode();
  return SCENES.map(({ scale, x, y, mirrored }) => {
    const canvas = document.createElement("canvas");
    canvas.width = WIDTH;
    canvas.height = HEIGHT;
    const context = canvas.getContext("2d");
    context.fillStyle = "#5f6f66";
    context.fillRect(0, 0, WIDTH, HEIGHT);
    context.save();
    if (mirrored) context.setTransform(-1, 0, 0, 1, WIDTH, 0);
    context.drawImage(portrait, x, y, PORTRAIT * scale, PORTRAIT * scale);
    context.restore();
    const faceX = x + FACE.x * scale;
    return { canvas, face: { x: mirrored ? WIDTH - faceX : faceX, y: y + FACE.y * scale } };
  });
}

function isOn({ box }, face) {
  if (!box) return false;
  const [x, y, width, height] = box;
  return x < face.x && face.x < x + width && y < face.y && face.y < y + height;
}

/** Offers a peer to the command as `window.peer`. */
export function offer(peer) {
  let scenes = [];
  let next = 0;
  window.peer = {
    /** @returns Milliseconds from the page's opening to the first answer. */
    async first() {
      [scenes] = await Promise.all([drawScenes(), peer.load()]);
      await peer.look(scenes[0].canvas);
      return performance.now();
    },
    environment() {
      return {
        userAgent: navigator.userAgent,
        isolated: crossOriginIsolated,
        timerResolutionMs: timerResolutionMs(),
        runtime: window.runtime ?? null,
      };
    },
    /** Looks at frame after frame. @returns Each look's milliseconds, and in how many the box lay on the face. */
    async turn(leastMs) {
      const times = [];
      const labels = {};
      let found = 0;
      const startMs = performance.now();
      while (times.length < scenes.length || performance.now() - startMs < leastMs) {
        const { canvas, face } = scenes[next++ % scenes.length];
        const beforeMs = performance.now();
        const sight = await peer.look(canvas);
        times.push(performance.now() - beforeMs);
        if (sight.faces === 1 && isOn(sight, face)) found++;
        if (sight.label) labels[sight.label] = (labels[sight.label] ?? 0) + 1;
      }
      return { times, found, labels };
    },
  };
}
