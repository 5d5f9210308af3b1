/** The third-party packages inside the built files: their licences, and their list for a software bill of materials. */
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Files of the build that are neither served nor published. */
export const CACHE = join(ROOT, "node_modules/.cache/emotion-cam");

/** The list of parts, which the build leaves for `npm run release`. */
export const PARTS_FILE = join(CACHE, "parts.json");

/** Packages whose files are copied or converted, so that esbuild does not see them. */
const COPIED_INTO_PACKAGE = ["@tensorflow/tfjs-backend-wasm", "@mediapipe/face_detection"];
const COPIED_INTO_PAGES = ["@fontsource/atkinson-hyperlegible"];

/**
 * @typedef {import("esbuild").Metafile} Metafile
 *
 * @typedef {object} Part A third-party package that is inside.
 * @property {string} name
 * @property {string} version
 * @property {string} license SPDX identifier.
 * @property {string} [integrity] As in the lock file: the algorithm, a dash, base64.
 * @property {string} text Licence in full.
 */

/**
 * Write the licences beside the files that they are about, and the list of parts for `npm run release`.
 *
 * @param {string} site The folder of the built site.
 * @param {readonly Metafile[]} ofPackage esbuild's metafiles of what is published.
 * @param {readonly Metafile[]} ofPages esbuild's metafiles of what only the kiosk has.
 */
export async function writeLicences(site, ofPackage, ofPages) {
  const inPackage = await partsOf(ofPackage, COPIED_INTO_PACKAGE);
  const inPages = await partsOf(ofPages, COPIED_INTO_PAGES);
  await writeFile(join(site, "THIRD-PARTY-LICENSES.txt"), licencesOf(inPackage));
  await writeFile(join(site, "pages/THIRD-PARTY-LICENSES.txt"), licencesOf(inPages));
  await mkdir(CACHE, { recursive: true });
  // A member that is undefined is left out.
  const withoutText = (/** @type {Part[]} */ parts) => parts.map((part) => ({ ...part, text: undefined }));
  const lists = { inPackage: withoutText(inPackage), inPages: withoutText(inPages) };
  await writeFile(PARTS_FILE, JSON.stringify(lists, null, 2));
}

/**
 * @param {readonly Metafile[]} metafiles esbuild's, of everything that was bundled.
 * @param {readonly string[]} copied Names of packages whose files are copied or converted.
 * @returns {Promise<Part[]>} By name.
 */
async function partsOf(metafiles, copied) {
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

/**
 * @param {string} name
 * @param {any} lock The parsed package-lock.json.
 * @returns {Promise<Part>}
 */
async function partOf(name, lock) {
  const folder = join(ROOT, "node_modules", name);
  const { version, license, author } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const integrity = lock.packages[`node_modules/${name}`]?.integrity;
  return { name, version, license, integrity, text: await licenceText(folder, { name, license, author }) };
}

/**
 * Some packages state their licence and do not contain its text.
 *
 * @param {string} folder
 * @param {{ name: string, license: string, author?: string | { name: string } }} manifest
 */
async function licenceText(folder, { name, license, author }) {
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e(\.|$)/i.test(entry));
  if (file !== undefined) return (await readFile(join(folder, file), "utf8")).trim();
  if (license === "Apache-2.0") return "Apache License, Version 2.0, as in this package's LICENSE.";
  const holder = typeof author === "object" ? author.name : author;
  if (license === "MIT" && holder) return MIT.replace("HOLDER", holder);
  throw new Error(`${name} (${license}) contains no licence text: see ${folder}, and src/package/third-party.mjs.`);
}

/** @param {readonly Part[]} parts */
function licencesOf(parts) {
  const rule = "=".repeat(100);
  const texts = parts.map(
    ({ name, version, license, text }) => `${rule}\n${name} ${version} (${license})\n\n${text}\n`,
  );
  return `The third-party software inside these files, and its licences.\n\n${texts.join("\n")}`;
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
