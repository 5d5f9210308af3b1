/** The package's types: the declarations that tsc emits, without those that users do not need. */
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { elementOf } from "./manifest.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, "../..");
/** Declarations only: each adds the tag to one framework's templates. */
const FRAMEWORKS = ["react.d.ts", "vue.d.ts", "svelte.d.ts"];

/**
 * Write the declarations of everything that index.js and define.js export, of the frameworks' tags, and of the
 * attributes.
 *
 * @param {string} outDir Folder to write to; made where missing.
 * @param {import("./manifest.mjs").Manifest} manifest Describes the attributes.
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

/** @param {string} outDir */
async function declare(outDir) {
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  try {
    await promisify(execFile)(process.execPath, [tsc, "-p", join(HERE, "tsconfig.json"), "--outDir", outDir]);
  } catch (error) {
    const { stdout, message } = /** @type {Error & { stdout?: string }} */ (error);
    throw new Error(`tsc cannot write the package's types: ${stdout || message}`, { cause: error });
  }
}

/**
 * Copy the declarations that the given files reach. Users cannot reach most of the others.
 *
 * @param {string} from
 * @param {string} to
 * @param {readonly string[]} files
 */
async function copyReached(from, to, files) {
  const seen = new Set(files);
  for (const file of seen) {
    const text = await readFile(join(from, file), "utf8");
    // tsc keeps the sources' `.ts`; the resolution "node16" needs the names of the files that run.
    const named = text.replaceAll(/(from "\.[^"]+)\.ts"/g, '$1.js"');
    const declarations = withoutLit(named, file);
    for (const [, path] of declarations.matchAll(/from "(\.[^"]+)\.js"/g))
      seen.add(join(dirname(file), `${path}.d.ts`));
    await mkdir(dirname(join(to, file)), { recursive: true });
    await writeFile(join(to, file), declarations);
  }
}

/**
 * Lit is inside the package and is not a dependency of it, so the declarations must not import it. To users the element
 * is an `HTMLElement` with the documented members.
 *
 * @param {string} declarations
 * @param {string} file For the message.
 */
function withoutLit(declarations, file) {
  const text = declarations
    .replace(/^import [^;]* from "lit";\n/gm, "")
    .replace(/ extends LitElement /g, " extends HTMLElement ")
    .replace(/^    static styles: .*;\n/gm, "")
    .replace(/^(    \/\*\*[^\n]*\*\/\n)?    static properties: \{\n[\s\S]*?\n    \};\n/gm, "")
    .replace(/^(    \/\*\*[^\n]*\*\/\n)?    protected .*;\n/gm, "");
  if (/\blit\b|\bLitElement\b|\bTemplateResult\b|\bReactiveController/.test(text.replace(/\/\*[\s\S]*?\*\//g, "")))
    throw new Error(`${file} would name Lit, which the package's users do not have: see ${HERE}/types.mjs.`);
  return text;
}

/** @type {Readonly<Record<string, string>>} */
const VALUES = {
  boolean: 'boolean | "" | "true" | "false"',
  number: "number | `${number}`",
  string: "string",
};

/**
 * Declare every attribute that can be set, with the values that it takes.
 *
 * @param {import("./manifest.mjs").Manifest} manifest
 */
function attributeTypes(manifest) {
  const fields = elementOf(manifest)
    .attributes.filter(({ description = "" }) => !/^Read-only\b/.test(description))
    .map(({ name, type: { text } = { text: "string" }, description = "" }) => {
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
