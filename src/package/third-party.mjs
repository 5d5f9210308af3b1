/** What of others is inside the built files: their licences, and their list for a software bill of materials. */
import { readFile, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");

/**
 * @typedef {object} Part A package of others that is inside.
 * @property {string} name
 * @property {string} version
 * @property {string} license SPDX identifier.
 * @property {string} [integrity] As in the lock file: the algorithm, a dash, base64.
 * @property {string} text Licence in full.
 */

/**
 * @param {readonly object[]} metafiles esbuild's, of everything that was bundled.
 * @param {readonly string[]} copied Names of packages whose files are copied or converted as they are.
 * @returns {Promise<Part[]>} By name.
 */
export async function partsOf(metafiles, copied) {
  const lock = JSON.parse(await readFile(join(ROOT, "package-lock.json"), "utf8"));
  const names = new Set(copied);
  for (const { outputs } of metafiles)
    for (const { inputs } of Object.values(outputs))
      for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
        const name = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
        if (name !== undefined && bytesInOutput > 0) names.add(name);
      }
  return Promise.all([...names].sort().map((name) => partOf(name, lock)));
}

async function partOf(name, lock) {
  const folder = join(ROOT, "node_modules", name);
  const { version, license, author } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const integrity = lock.packages[`node_modules/${name}`]?.integrity;
  return { name, version, license, integrity, text: await licenceText(folder, { name, license, author }) };
}

/** Some packages state their licence and do not bring its text. */
async function licenceText(folder, { name, license, author }) {
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e(\.|$)/i.test(entry));
  if (file !== undefined) return (await readFile(join(folder, file), "utf8")).trim();
  if (license === "Apache-2.0") return "Apache License, Version 2.0, as in this package's LICENSE.";
  const holder = typeof author === "object" ? author.name : author;
  if (license === "MIT" && holder) return MIT.replace("HOLDER", holder);
  throw new Error(`${name} (${license}) brings no licence text: see ${folder}, and src/package/third-party.mjs.`);
}

/** @param {readonly Part[]} parts */
export function licencesOf(parts) {
  const rule = "=".repeat(100);
  const texts = parts.map(
    ({ name, version, license, text }) => `${rule}\n${name} ${version} (${license})\n\n${text}\n`,
  );
  return `What of others is inside these files, and under which licences.\n\n${texts.join("\n")}`;
}

const MIT = `MIT License

Copyright (c) HOLDER

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
