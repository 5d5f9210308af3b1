/** The command line of `npm run test:kiosk`; run.ts explains it. */
import { parseArgs } from "node:util";

export const { values: options } = parseArgs({
  options: {
    suite: { type: "string", default: "trixie" },
    short: { type: "boolean" },
    "power-cuts": { type: "boolean" },
    only: { type: "string" },
    release: { type: "string" },
    json: { type: "string" },
    pictures: { type: "string" },
  },
});
