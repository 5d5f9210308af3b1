/** The package's types: what tsc says of the sources, less what is not the users' matter. */
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, "../..");
/** Types alone: each adds the tag to one framework's templates. */
const FRAMEWORKS = ["react.d.ts", "vue.d.ts", "svelte.d.ts"];

/**
 * Writes the declarations of everything that index.js and define.js export, of the frameworks' tags, and of the
 * attributes, the last as the manifest describes them.
 *
 * @param {string} outDir Folder to write to; made where missing.
 * @param {object} manifest The element's custom-elements.json.
 */
export async function writeTypes(outDir, manifest) {
  await mkdir(outDir, { recursive: true });
  const emitted = await mkdtemp(`${outDir}.`);
  try {
    await declare(emitted);
    await copyReached(emitted, outDir, ["index.d.ts", "define.d.ts"]);
  } finally {
    await rm(emitted, { recursive: true });
  }
  for (const file of FRAMEWORKS) await copyFile(join(HERE, file), join(outDir, file));
  await writeFile(join(outDir, "attributes.d.ts"), attributeTypes(manifest));
}

async function declare(outDir) {
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  try {
    await promisify(execFile)(process.execPath, [tsc, "-p", join(HERE, "tsconfig.json"), "--outDir", outDir]);
  } catch (error) {
    throw new Error(`The package's types cannot be written: ${error.stdout || error.message}`, { cause: error });
  }
}

/** Most of what is declared is reached by nobody who installs the package: it stays behind. */
async function copyReached(from, to, files) {
  const seen = new Set(files);
  for (const file of seen) {
    const text = await readFile(join(from, file), "utf8");
    // Named as in the sources; node16's way of resolving wants them as they are to run.
    const named = text.replaceAll(/(from "\.[^"]+)\.ts"/g, '$1.js"');
    const said = withoutLit(named, file);
    for (const [, path] of said.matchAll(/from "(\.[^"]+)\.js"/g)) seen.add(join(dirname(file), `${path}.d.ts`));
    await mkdir(dirname(join(to, file)), { recursive: true });
    await writeFile(join(to, file), said);
  }
}

/**
 * The element is made with Lit, which is inside the package and no dependency of it. What it is to others is an element
 * with the members that are documented.
 */
function withoutLit(declarations, file) {
  const text = declarations
    .replace(/^import [^;]* from "lit";\n/gm, "")
    .replace(/ extends LitElement /g, " extends HTMLElement ")
    .replace(/^    static styles: .*;\n/gm, "")
    .replace(/^(    \/\*\*[^\n]*\*\/\n)?    static properties: \{\n[\s\S]*?\n    \};\n/gm, "")
    .replace(/^(    \/\*\*[^\n]*\*\/\n)?    protected .*;\n/gm, "");
  if (/\blit\b|\bLitElement\b|\bTemplateResult\b/.test(text.replace(/\/\*[\s\S]*?\*\//g, "")))
    throw new Error(`${file} would speak of Lit, which the package's users do not have: see ${HERE}/types.mjs.`);
  return text;
}

const VALUES = {
  boolean: 'boolean | "" | "true" | "false"',
  number: "number | `${number}`",
  string: "string",
};

/** Every attribute that can be set, with what it takes. */
function attributeTypes(manifest) {
  const element = manifest.modules.flatMap(({ declarations }) => declarations).find(({ tagName }) => tagName);
  const fields = element.attributes
    .filter(({ description }) => !/^Read-only\b/.test(description))
    .map(({ name, type: { text }, description }) => {
      const type = VALUES[text] ?? text.replaceAll("|", " | ");
      return `  /** ${description.replace(/\s+/g, " ")} */\n  ${JSON.stringify(name)}?: ${type} | undefined;\n`;
    });
  const types = new Set(
    fields
      .join("")
      .replace(/\/\*.*?\*\//g, "")
      .match(/\b[A-Z]\w+/g),
  );
  return (
    `import type { ${[...types].sort().join(", ")} } from "./index.js";\n\n` +
    "/** The element's attributes, as templates write them. */\n" +
    `export interface TagAttributes {\n${fields.join("")}}\n`
  );
}
