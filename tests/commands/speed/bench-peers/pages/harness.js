import { timerResolutionMs } from "../../../../../src/bench/timer.ts";
import { faceless, recall } from "../../../reach/arrivals.ts";
import { FACELESS } from "../../../reach/faceless.ts";
import { cutHead } from "../../../reach/scenes.ts";

/**
 * The common part of each library's page: the frames, and the timing of each look.
 *
 * A library is `{ load(): Promise<void>, look(canvas): Promise<Sight> }`; a Sight is
 * `{ faces: number, box?: [x, y, width, height] in pixels, label?: string }`. The part for `npm run reach` is left out of
 * pages whose speed and size are measured.
 */

/** A head that moves, comes nearer and goes back. The frames repeat. */
const FRAMES = 16;
const WIDTH = 640;
const HEIGHT = 480;
/** The middle of the face in the portrait, and its mean place in the frames, pixels. */
const PORTRAIT_FACE = { x: 222, y: 116 };
const MIDDLE = { x: 300, y: 180 };

async function drawScenes() {
  const portrait = new Image();
  portrait.src = "/portrait.jpg";
  await portrait.decode();
  return Array.from({ length: FRAMES }, (_, index) => {
    const turn = (2 * Math.PI * index) / FRAMES;
    const scale = 1.2 + 0.15 * Math.sin(turn);
    const face = { x: MIDDLE.x + 50 * Math.cos(turn), y: MIDDLE.y + 15 * Math.sin(turn) };
    const canvas = document.createElement("canvas");
    canvas.width = WIDTH;
    canvas.height = HEIGHT;
    const context = canvas.getContext("2d");
    context.fillStyle = "#5f6f66";
    context.fillRect(0, 0, WIDTH, HEIGHT);
    const [x, y] = [face.x - PORTRAIT_FACE.x * scale, face.y - PORTRAIT_FACE.y * scale];
    context.drawImage(portrait, x, y, portrait.width * scale, portrait.height * scale);
    return { canvas, face };
  });
}

function isOn({ box }, face) {
  if (!box) return false;
  const [x, y, width, height] = box;
  return x < face.x && face.x < x + width && y < face.y && face.y < y + height;
}

/** Offer a library to the command as `window.peer`. */
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
    /** Process frame after frame. @returns Milliseconds of each look, and in how many the box lay on the face. */
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
    ...(PEERS_TASK === "reach" && reachOf(peer)),
  };
}

function reachOf(peer) {
  const canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const look = async (frame) => {
    context.drawImage(frame, 0, 0);
    const { box } = await peer.look(canvas);
    return box ? [{ x: box[0], y: box[1], width: box[2], height: box[3] }] : [];
  };
  let heads = [];
  return {
    async openHeads(sources) {
      await peer.load();
      heads = await Promise.all(sources.map(cutHead));
    },
    /** @returns The share of people who are found within half a second. */
    recall: (width, scenes) => recall(width, scenes, heads, () => look),
    facelessKinds: () => Object.keys(FACELESS),
    faceless: (kind, seconds, seed) => faceless(kind, seconds, seed, look),
  };
}
