import { EmotionCamError } from "../../errors.ts";
import type { LoadedModel } from "../contract.ts";

/**
 * Take the bytes of the file that holds the whole integer network.
 *
 * @throws EmotionCamError `model-corrupt` where the contract does not list the file.
 */
export function modelBytes({ artifact, files, info }: LoadedModel<unknown>): Uint8Array<ArrayBuffer> {
  const bytes = files.get(artifact.model);
  if (bytes) return bytes;
  throw new EmotionCamError(
    "model-corrupt",
    `The contract of ${info.name} does not list its own file ${artifact.model}: serve the package's folder as it is.`,
  );
}
