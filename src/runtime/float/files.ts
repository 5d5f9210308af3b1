import type { io } from "@tensorflow/tfjs-core";
import type { LoadedModel } from "../contract.ts";

/** `model.json` of a graph model, as tfjs's converter writes it. */
interface GraphModelJson {
  readonly modelTopology: object;
  readonly signature: object;
  readonly weightsManifest: readonly { readonly paths: string[]; readonly weights: io.WeightsManifestEntry[] }[];
}

/** Hands tfjs a graph model's files that are here and checked already. */
export function filesHandler({ artifact, files }: LoadedModel<unknown>): io.IOHandler {
  const bytes = (path: string): Uint8Array<ArrayBuffer> => {
    const found = files.get(path);
    if (!found) throw new Error(`The contract does not list the file ${path}, which its model.json wants.`);
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
