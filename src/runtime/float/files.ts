import type { io } from "@tensorflow/tfjs-core";
import type { LoadedModel } from "../contract.ts";

/**
 * The fields of a graph model's `model.json` that are used here.
 * https://github.com/tensorflow/tfjs/tree/master/tfjs-converter
 */
interface GraphModelJson {
  readonly modelTopology: object;
  readonly signature: object;
  readonly weightsManifest: readonly { readonly paths: string[]; readonly weights: io.WeightsManifestEntry[] }[];
}

/**
 * Make the handler through which tfjs loads a graph model from bytes in memory.
 *
 * @returns A handler whose `load` rejects where `model.json` needs a file that the contract does not list.
 */
export function filesHandler({ artifact, files }: LoadedModel<unknown>): io.IOHandler {
  const bytes = (path: string): Uint8Array<ArrayBuffer> => {
    const found = files.get(path);
    if (!found) throw new Error(`The contract does not list the file ${path}, but its model.json needs it.`);
    return found;
  };
  return {
    load: async () => {
      const model: GraphModelJson = JSON.parse(new TextDecoder().decode(bytes(artifact.model)));
      const { modelTopology, signature, weightsManifest } = model;
      return {
        modelTopology,
        signature,
        format: "graph-model",
        weightSpecs: weightsManifest.flatMap((group) => group.weights),
        weightData: weightsManifest.flatMap((group) => group.paths).map((path) => bytes(path).buffer),
      };
    },
  };
}
