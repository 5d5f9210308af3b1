import { beforeAll, describe, expect, test } from "vitest";
import { checkSource, readBlazeface } from "../../models/blazeface/convert.ts";
import { convertToGraphModel, narrowFloat16 } from "../../models/blazeface/graph-model.ts";
import { layOutHeads } from "../../models/blazeface/heads.ts";
import { type TfliteGraph, readTflite, widenFloat16 } from "../../models/blazeface/tflite.ts";
import { withNormalization } from "../commands/speed/bench-peers/write-metadata.ts";

let bytes: Uint8Array;
let graph: TfliteGraph;

beforeAll(async () => {
  bytes = await readBlazeface();
  graph = readTflite(bytes);
});

function counts(of: TfliteGraph): Record<string, number> {
  return of.operators.reduce<Record<string, number>>((sum, { kind }) => ({ ...sum, [kind]: (sum[kind] ?? 0) + 1 }), {});
}

describe("readTflite", () => {
  test("reads BlazeFace's operators, its widened weights among them", () => {
    expect(counts(graph)).toEqual({
      conv2d: 21,
      depthwiseConv2d: 16,
      relu: 17,
      add: 16,
      pad: 11,
      maxPool2d: 3,
      reshape: 4,
      concatenation: 2,
    });
    expect(graph.inputs.map((input) => input.shape)).toEqual([[1, 128, 128, 3]]);
    expect(graph.outputs.map(({ name, shape }) => [name, shape])).toEqual([
      ["regressors", [1, 896, 16]],
      ["classificators", [1, 896, 1]],
    ]);
    const [first] = graph.operators;
    expect(first).toMatchObject({ kind: "conv2d", padding: "SAME", strideX: 2, strideY: 2, activation: "none" });
    const weights = graph.operators.flatMap((operator) => ("filter" in operator ? [...operator.filter.values] : []));
    expect(weights.every((weight) => Number.isFinite(weight) && Math.abs(weight) < 100)).toBe(true);
    expect(weights.filter((weight) => weight !== 0).length / weights.length).toBeGreaterThan(0.9);
  });

  test("hands every operator only what was made before", () => {
    const made = new Set(graph.inputs.map((input) => input.index));
    for (const operator of graph.operators) {
      for (const input of "inputs" in operator ? operator.inputs : [operator.input]) {
        expect(made, operator.output.name).toContain(input.index);
      }
      made.add(operator.output.index);
    }
  });

  test("says what is wrong with a file that is none", () => {
    expect(() => readTflite(new TextEncoder().encode("<!doctype html><title>Not found</title>"))).toThrow("TFL3");
    expect(() => readTflite(new Uint8Array(4))).toThrow("TFL3");
  });
});

describe("the source", () => {
  test("is refused when a bit differs, with the remedy", () => {
    const other = Uint8Array.from(bytes);
    other[1000]! ^= 1;
    expect(() => checkSource(other)).toThrow(/npm ci/);
    expect(() => checkSource(bytes)).not.toThrow();
  });
});

describe("float16", () => {
  test("every half survives widening and narrowing", () => {
    const halves = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((half) => (half & 0x7c00) !== 0x7c00);
    expect(narrowFloat16(widenFloat16(halves))).toEqual(halves);
  });

  test.each([
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff],
    [65520, 0x7c00],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [-0, 0x8000],
    [Infinity, 0x7c00],
  ])("%f is %i", (value, half) => {
    expect([...narrowFloat16(Float32Array.of(value))]).toEqual([half]);
  });
});

describe("layOutHeads", () => {
  test("puts each anchor's score before its box, and changes nothing else", () => {
    const laidOut = layOutHeads(graph);
    expect(laidOut.outputs.map(({ name, shape }) => [name, shape])).toEqual([["predictions", [1, 896, 17]]]);
    expect(counts(laidOut)).toMatchObject({ conv2d: 19, reshape: 2, concatenation: 1 });
    const filter = (of: TfliteGraph, output: string) => {
      const operator = of.operators.find((candidate) => candidate.output.name === output);
      return operator?.kind === "conv2d" ? operator.filter : expect.unreachable(output);
    };
    const merged = filter(laidOut, "head_8x8");
    expect(merged.shape).toEqual([6 * 17, 1, 1, 96]);
    const row = (values: Float32Array, index: number) => [...values.subarray(index * 96, (index + 1) * 96)];
    for (let anchor = 0; anchor < 6; anchor++) {
      expect(row(merged.values, anchor * 17)).toEqual(row(filter(graph, "classificator_16").values, anchor));
      expect(row(merged.values, anchor * 17 + 1)).toEqual(row(filter(graph, "regressor_16").values, anchor * 16));
      expect(row(merged.values, anchor * 17 + 16)).toEqual(row(filter(graph, "regressor_16").values, anchor * 16 + 15));
    }
  });

  test("refuses a network without such heads", () => {
    expect(() => layOutHeads({ ...graph, outputs: graph.outputs.slice(1) })).toThrow("scores and boxes");
  });
});

describe("convertToGraphModel", () => {
  test("lists exactly the bytes that it writes, two for each weight", () => {
    const { model, weights } = convertToGraphModel(layOutHeads(graph));
    const { weightsManifest, modelTopology } = JSON.parse(model) as {
      weightsManifest: { weights: { name: string; shape: number[]; dtype: string }[] }[];
      modelTopology: { node: { name: string; op: string; input?: string[] }[] };
    };
    const entries = weightsManifest[0]!.weights;
    const size = (shape: number[]) => shape.reduce((product, length) => product * length, 1);
    const expected = entries.reduce((sum, { shape, dtype }) => sum + size(shape) * (dtype === "float32" ? 2 : 4), 0);
    expect(weights.length).toBe(expected);

    const names = modelTopology.node.map((node) => node.name);
    expect(new Set(names).size).toBe(names.length);
    for (const { input = [] } of modelTopology.node) for (const name of input) expect(names).toContain(name);
    // The only rectifier after a convolution is part of it; those after additions are nodes of their own.
    expect(modelTopology.node.filter((node) => node.op === "Relu")).toHaveLength(16);
  });
});

test("a file with metadata holds the same network", () => {
  const written = withNormalization(bytes, { mean: 127.5, std: 127.5 });
  expect(written.length).toBeGreaterThan(bytes.length);
  expect(readTflite(written)).toEqual(graph);
});
