/** The element's description (`custom-elements.json`), for editors, documentation tools and the package's types. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/**
 * @typedef {object} Member A documented attribute, event, part, property, slot or state.
 * @property {string} name
 * @property {string} [description]
 * @property {{ text: string }} [type]
 *
 * @typedef {object} Declaration
 * @property {string} [tagName]
 * @property {Member[]} attributes
 * @property {Member[]} events
 * @property {Member[]} cssParts
 * @property {Member[]} cssProperties
 * @property {Member[]} [slots]
 * @property {Member[]} [cssStates]
 *
 * @typedef {{ modules: { declarations: Declaration[] }[] }} Manifest
 */

/** The analyzer ships no types: imported by a variable, it is `any`. */
const ANALYZER = "@custom-elements-manifest/analyzer/cli.js";

/** @returns {Promise<Manifest>} The description, read from the element's source. */
export async function describeElement() {
  const { cli } = await import(ANALYZER);
  const argv = ["analyze", "--litelement", "--quiet", "--outdir", "dist", "--globs", "src/emotion-cam*.ts"];
  return cli({ argv, cwd: ROOT, noWrite: true });
}

/**
 * @param {Manifest} manifest
 * @returns {Declaration} The part of it that describes `<emotion-cam>`.
 */
export function elementOf({ modules }) {
  const found = modules.flatMap(({ declarations }) => declarations).find(({ tagName }) => tagName !== undefined);
  if (found === undefined) throw new Error("src/emotion-cam.ts declares no element: is its @element comment gone?");
  return found;
}

/**
 * Give each attribute the type that its comment states. The analyzer gives it the name of its accessor's type, and
 * readers want the values.
 *
 * @param {Manifest} manifest Changed in place.
 */
export async function spellTypes(manifest) {
  const source = await readFile(`${ROOT}/src/emotion-cam.ts`, "utf8");
  const types = new Map([...source.matchAll(/@attr \{([^}]+)\} ([a-z-]+)/g)].map(([, text, name]) => [name, text]));
  for (const attribute of elementOf(manifest).attributes)
    attribute.type = { text: types.get(attribute.name) ?? "string" };
}
