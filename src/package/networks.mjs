/** The networks that ship: which there are, and which files each consists of. Their contracts say so. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

/**
 * @typedef {object} Network
 * @property {string} name
 * @property {string} version
 * @property {readonly { path: string, sha256: string }[]} files Files of both engines, beside the contract.
 */

/**
 * @param {string} folder `models` or `dist/models`.
 * @returns {string[]} The folders in it that hold a contract, by name.
 */
export function networkNames(folder) {
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, "contract.json")))
    .sort();
}

/**
 * @param {string} folder `models` or `dist/models`.
 * @param {string} name
 * @param {readonly string[]} [engines] Default: both.
 * @returns {Network} The network with the files of these engines.
 */
export function readNetwork(folder, name, engines = ["float", "int8"]) {
  const contract = JSON.parse(readFileSync(join(folder, name, "contract.json"), "utf8"));
  return { name, version: contract.version, files: engines.flatMap((engine) => contract[engine]?.files ?? []) };
}
