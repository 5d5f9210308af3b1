/**
 * The parts of tfjs-core that the worker needs before it loads the float engine. The build puts this module in the place
 * of the whole package, whose index keeps every operation, the optimizers and the file formats. The float engine's
 * chunk has the rest; both share these parts, and so they share one engine.
 */
import "@tensorflow/tfjs-core/dist/base_side_effects.js";
import { fetch, now } from "@tensorflow/tfjs-core/dist/util.js";
import { bytesPerElement, sizeFromShape } from "@tensorflow/tfjs-core/dist/util_base.js";

export { DataStorage, KernelBackend } from "@tensorflow/tfjs-core/dist/backends/backend.js";
export { env } from "@tensorflow/tfjs-core/dist/environment.js";
export {
  backend,
  deprecationWarn,
  enableProdMode,
  engine,
  keep,
  registerBackend,
  setBackend,
} from "@tensorflow/tfjs-core/dist/globals.js";
export { registerKernel } from "@tensorflow/tfjs-core/dist/kernel_registry.js";
export { zeros } from "@tensorflow/tfjs-core/dist/ops/zeros.js";

/** As far as the WASM backend uses it. */
export const util = { bytesPerElement, fetch, now, sizeFromShape };
