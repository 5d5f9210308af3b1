import type { TfliteConstant, TfliteGraph, TfliteOperator, TfliteTensor } from "./tflite.ts";

type Convolution = Extract<TfliteOperator, { kind: "conv2d" }>;

/** Numbers of a box: centre, width, height and six keypoints of two numbers. The score precedes them. */
const NUMBERS_PER_BOX = 16;
const NUMBERS_PER_ANCHOR = 1 + NUMBERS_PER_BOX;

/** Make a tensor whose index no other tensor has. */
function tensorAfter(graph: TfliteGraph, count: number, name: string, shape: readonly number[]): TfliteTensor {
  const highest = Math.max(...graph.operators.map((operator) => operator.output.index));
  return { index: highest + 1 + count, name, shape };
}

/** Find the convolutions before one output, coarse grids last, and all operators from them to the output. */
function trace(graph: TfliteGraph, output: TfliteTensor): { heads: Convolution[]; path: TfliteOperator[] } {
  const maker = (tensor: TfliteTensor) => graph.operators.find((operator) => operator.output.index === tensor.index);
  const last = maker(output);
  const reshapes = last?.kind === "concatenation" ? last.inputs.map(maker) : [last];
  const heads: Convolution[] = [];
  const path: TfliteOperator[] = last?.kind === "concatenation" ? [last] : [];
  for (const reshape of reshapes) {
    const head = reshape?.kind === "reshape" ? maker(reshape.input) : undefined;
    if (!reshape || head?.kind !== "conv2d") {
      throw new Error(`Output ${output.name} is not reshaped from a convolution: this is no BlazeFace network.`);
    }
    heads.push(head);
    path.push(reshape, head);
  }
  return { heads, path };
}

/** Interleave the rows of two weight arrays: one of `scores` for every {@link NUMBERS_PER_BOX} of `boxes`. */
function interleave(scores: TfliteConstant, boxes: TfliteConstant): TfliteConstant {
  const [first, ...rest] = scores.shape;
  const anchors = first!;
  const rowLength = scores.values.length / anchors;
  const values = new Float32Array(scores.values.length + boxes.values.length);
  for (let anchor = 0; anchor < anchors; anchor++) {
    const boxRows = boxes.values.subarray(
      anchor * NUMBERS_PER_BOX * rowLength,
      (anchor + 1) * NUMBERS_PER_BOX * rowLength,
    );
    const at = anchor * NUMBERS_PER_ANCHOR * rowLength;
    values.set(scores.values.subarray(anchor * rowLength, (anchor + 1) * rowLength), at);
    values.set(boxRows, at + rowLength);
  }
  return { ...scores, shape: [anchors * NUMBERS_PER_ANCHOR, ...rest], values };
}

/**
 * Lay a BlazeFace network's outputs out as `@tensorflow-models/blazeface` wants them: one tensor [1, anchors, 17] of
 * score, box (x and y of the centre, width, height) and six keypoints (x, y), in place of one of scores and one of
 * boxes. The weights of the two convolutions on each grid are interleaved into one convolution, so that nothing has
 * to be moved afterwards. The numbers stay the same, bit for bit.
 *
 * @param graph Outputs [1, anchors, 16] and [1, anchors, 1], as MediaPipe's networks have them.
 * @returns The same network with the single output `predictions`.
 * @throws Error where the network has other outputs or heads.
 */
export function layOutHeads(graph: TfliteGraph): TfliteGraph {
  const boxes = graph.outputs.find((output) => output.shape.at(-1) === NUMBERS_PER_BOX);
  const scores = graph.outputs.find((output) => output.shape.at(-1) === 1);
  if (!boxes || !scores || graph.outputs.length !== 2) {
    throw new Error(`The outputs ${graph.outputs.map((output) => output.name).join(", ")} are not scores and boxes.`);
  }
  const scorePart = trace(graph, scores);
  const boxPart = trace(graph, boxes);
  const replaced = new Set<TfliteOperator>([...scorePart.path, ...boxPart.path]);

  const merged = scorePart.heads.flatMap((score, i): TfliteOperator[] => {
    const box = boxPart.heads[i];
    if (!box || box.input.index !== score.input.index) {
      throw new Error(`The score head ${score.output.name} has no box head on the same grid.`);
    }
    const [, height, width, anchors] = score.output.shape as readonly [number, number, number, number];
    const grid = [1, height, width, anchors * NUMBERS_PER_ANCHOR];
    const output = tensorAfter(graph, 2 * i, `head_${height}x${width}`, grid);
    const rows = [1, height * width * anchors, NUMBERS_PER_ANCHOR];
    return [
      { ...score, filter: interleave(score.filter, box.filter), bias: interleave(score.bias, box.bias), output },
      { kind: "reshape", input: output, output: tensorAfter(graph, 2 * i + 1, `rows_${height}x${width}`, rows) },
    ];
  });

  const rows = merged.filter((operator) => operator.kind === "reshape").map((operator) => operator.output);
  const predictions = tensorAfter(graph, merged.length, "predictions", [1, boxes.shape[1]!, NUMBERS_PER_ANCHOR]);
  return {
    inputs: graph.inputs,
    outputs: [predictions],
    operators: [
      ...graph.operators.filter((operator) => !replaced.has(operator)),
      ...merged,
      { kind: "concatenation", inputs: rows, axis: 1, output: predictions },
    ],
  };
}
