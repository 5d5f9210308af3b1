/** The part around the networks that runtimes of networks alone do not have. The plainest way: canvases, the best box. */

/** The side of BlazeFace's input, pixels. */
export const SIZE = 128;
/** BlazeFace, short range: two anchors for each cell of a grid of 16, six for each cell of a grid of 8. */
const GRIDS = [
  { cells: 16, each: 2 },
  { cells: 8, each: 6 },
];
const anchors = GRIDS.flatMap(({ cells, each }) =>
  Array.from({ length: cells * cells * each }, (_, index) => {
    const cell = Math.floor(index / each);
    return [((cell % cells) + 0.5) / cells, (Math.floor(cell / cells) + 0.5) / cells];
  }),
);
/** The logit of a score of 0.5. */
const LEAST_LOGIT = 0;

const small = new OffscreenCanvas(SIZE, SIZE).getContext("2d", { willReadFrequently: true });
/** RGB of [1, 128, 128, 3], -1..1. */
export const input = new Float32Array(SIZE * SIZE * 3);
/** Letterbox the frame, as in the network's training. @returns The side of the square and its corner, pixels of the frame. */
export function fill(canvas) {
  const side = Math.max(canvas.width, canvas.height);
  const x = (canvas.width - side) / 2;
  const y = (canvas.height - side) / 2;
  const scale = SIZE / side;
  small.fillRect(0, 0, SIZE, SIZE);
  small.drawImage(canvas, -x * scale, -y * scale, canvas.width * scale, canvas.height * scale);
  const { data } = small.getImageData(0, 0, SIZE, SIZE);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    input[to++] = data[from] / 127.5 - 1;
    input[to++] = data[from + 1] / 127.5 - 1;
    input[to++] = data[from + 2] / 127.5 - 1;
  }
  return { side, x, y };
}

/** @returns Only the best box. */
export function decode(boxes, logits, { side, x, y }) {
  let best = 0;
  for (let index = 1; index < logits.length; index++) if (logits[index] > logits[best]) best = index;
  if (logits[best] < LEAST_LOGIT) return { faces: 0 };
  const [dx, dy, width, height] = boxes.subarray(best * 16, best * 16 + 4);
  const centerX = dx / SIZE + anchors[best][0];
  const centerY = dy / SIZE + anchors[best][1];
  const left = x + (centerX - width / SIZE / 2) * side;
  const top = y + (centerY - height / SIZE / 2) * side;
  return { faces: 1, box: [left, top, (width / SIZE) * side, (height / SIZE) * side] };
}

/** The classifier's input: a square of this side, pixels. */
const FACE = 48;
const face = new OffscreenCanvas(FACE, FACE).getContext("2d", { willReadFrequently: true });
/** The standardised picture, [1, 48, 48, 1]. */
export const picture = new Float32Array(FACE * FACE);

/** Cut the box's square out of the frame, gray and standardised as the contract says. */
export function crop(canvas, [left, top, width, height], { mean, std }) {
  const side = Math.max(width, height);
  face.drawImage(canvas, left + (width - side) / 2, top + (height - side) / 2, side, side, 0, 0, FACE, FACE);
  const { data } = face.getImageData(0, 0, FACE, FACE);
  for (let from = 0, to = 0; to < picture.length; from += 4, to++) {
    const luma = 0.299 * data[from] + 0.587 * data[from + 1] + 0.114 * data[from + 2];
    picture[to] = (luma - mean) / std;
  }
}

/** @returns The label with the largest logit. */
export function labelOf(logits, { labels }) {
  return labels[logits.indexOf(Math.max(...logits))];
}

/** @returns The classifier's contract. */
export async function loadContract() {
  return (await fetch(`/site/models/${PEERS_MODEL}/contract.json`)).json();
}
