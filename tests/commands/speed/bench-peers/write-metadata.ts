/**
 * Add the metadata to a TensorFlow Lite file that MediaPipe Tasks asks for: how its input is normalized. Field numbers are
 * those of TensorFlow's `schema.fbs` and of tflite-support's `metadata_schema.fbs`.
 */
import { Builder } from "flatbuffers";

const SCHEMA_VERSION = 3;
/** Fields of the file's first table. */
const MODEL = { version: 0, operatorCodes: 1, subgraphs: 2, buffers: 4, metadata: 6 } as const;
/** ProcessUnitOptions. */
const NORMALIZATION = 1;

/** How a pixel's level becomes a number of the network: less `mean`, over `std`. */
export interface Normalization {
  readonly mean: number;
  readonly std: number;
}

/** @returns The file with its metadata. */
export function withNormalization(file: Uint8Array, normalization: Normalization): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const builder = new Builder(file.length + 4096);
  // The old file stays whole at the end, where a new first table points into it: weights keep their alignment.
  builder.prep(16, file.length);
  const fileStart = builder.createByteVector(file) - 4;
  const inFile = (position: number) => fileStart - position;

  const old = (field: number) => vectorAt(view, field);
  const metadata = metadataOf(normalization);
  const bytes = builder.createByteVector(metadata);
  const buffer = table(builder, 1, () => builder.addFieldOffset(0, bytes, 0));
  const buffers = old(MODEL.buffers);
  const count = view.getUint32(buffers, true);
  const oldBuffers = Array.from({ length: count }, (_, index) => {
    const element = buffers + 4 + 4 * index;
    return inFile(element + view.getUint32(element, true));
  });
  const allBuffers = offsets(builder, [...oldBuffers, buffer]);
  const name = builder.createString("TFLITE_METADATA");
  const entry = table(builder, 2, () => {
    builder.addFieldOffset(0, name, 0);
    builder.addFieldInt32(1, count, 0);
  });
  const entries = offsets(builder, [entry]);
  const model = table(builder, MODEL.metadata + 1, () => {
    builder.addFieldInt32(MODEL.version, SCHEMA_VERSION, 0);
    builder.addFieldOffset(MODEL.operatorCodes, inFile(old(MODEL.operatorCodes)), 0);
    builder.addFieldOffset(MODEL.subgraphs, inFile(old(MODEL.subgraphs)), 0);
    builder.addFieldOffset(MODEL.buffers, allBuffers, 0);
    builder.addFieldOffset(MODEL.metadata, entries, 0);
  });
  builder.finish(model, "TFL3");
  return builder.asUint8Array();
}

/** @returns The position of the vector in a field of the file's first table. */
function vectorAt(view: DataView, field: number): number {
  const root = view.getUint32(0, true);
  const fields = root - view.getInt32(root, true);
  const place = root + view.getUint16(fields + 4 + 2 * field, true);
  return place + view.getUint32(place, true);
}

function metadataOf({ mean, std }: Normalization): Uint8Array {
  const builder = new Builder();
  const floats = (value: number) => {
    builder.startVector(4, 1, 4);
    builder.addFloat32(value);
    return builder.endVector();
  };
  const [means, stds] = [floats(mean), floats(std)];
  const options = table(builder, 2, () => {
    builder.addFieldOffset(0, means, 0);
    builder.addFieldOffset(1, stds, 0);
  });
  const unit = table(builder, 2, () => {
    builder.addFieldInt8(0, NORMALIZATION, 0);
    builder.addFieldOffset(1, options, 0);
  });
  const units = offsets(builder, [unit]);
  const tensor = table(builder, 5, () => builder.addFieldOffset(4, units, 0));
  const tensors = offsets(builder, [tensor]);
  const subgraph = table(builder, 3, () => builder.addFieldOffset(2, tensors, 0));
  const subgraphs = offsets(builder, [subgraph]);
  builder.finish(
    table(builder, 4, () => builder.addFieldOffset(3, subgraphs, 0)),
    "M001",
  );
  return builder.asUint8Array();
}

function table(builder: Builder, fields: number, fill: () => void): number {
  builder.startObject(fields);
  fill();
  return builder.endObject();
}

function offsets(builder: Builder, all: readonly number[]): number {
  builder.startVector(4, all.length, 4);
  for (const offset of [...all].reverse()) builder.addOffset(offset);
  return builder.endVector();
}
