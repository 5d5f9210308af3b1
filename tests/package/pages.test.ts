/** The packed package on other people's pages: with a strict policy, another origin, another tfjs, their own network. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import type { Page } from "playwright";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { endVisits } from "../pages/visit.ts";
import { HERE, INSTALLED, PEERS, ROOT, installPackage } from "./packed.ts";
import { type Served, type Site, serve } from "./site.ts";
import { type Visit, open } from "./visits.ts";

const PICTURE = { "/astronaut.jpg": { file: join(ROOT, "tests/fixtures/astronaut.jpg") } };
const PACKAGE = { "/emotion-cam/": { file: join(INSTALLED, "dist") } };

const CORS = { "Access-Control-Allow-Origin": "*" };
const ISOLATED = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

/** A page without a bundler. */
const page = (body: string, base = "emotion-cam/") => ({
  text: `<!doctype html><meta charset="utf-8" /><script type="module" src="${base}emotion-cam.js"></script>${body}`,
});

const ONE = '<emotion-cam src="astronaut.jpg" autostart></emotion-cam>';

let sites: Site[] = [];
let here: Visit | undefined;

beforeAll(() => void installPackage());

afterEach(async () => {
  await here?.close();
  for (const site of sites) await site.close();
  here = undefined;
  sites = [];
});

afterAll(endVisits);

async function serving(served: Served, headers?: Readonly<Record<string, string>>): Promise<string> {
  const site = await serve(served, headers);
  sites.push(site);
  return site.origin;
}

/** @returns The number of faces in the first picture in which the element with this index sees any. */
function facesSeen(on: Page, number = 0): Promise<number> {
  return on.evaluate(async (index) => {
    await customElements.whenDefined("emotion-cam");
    const element = document.querySelectorAll("emotion-cam")[index]!;
    return new Promise<number>((resolve, reject) => {
      element.addEventListener("emotion-frame", ({ faces }) => faces.length > 0 && resolve(faces.length));
      element.addEventListener("emotion-error", ({ error }) => reject(error));
    });
  }, number);
}

/** The policy that README names. */
function readmesPolicy(): string {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const policy = /^```http\nContent-Security-Policy: ([^`]+?)\n```$/m.exec(readme)?.[1];
  if (policy === undefined) throw new Error("README.md has no block of http with a Content-Security-Policy.");
  return policy.replace(/\s+/g, " ");
}

describe("a page without a bundler", () => {
  test("reads a face by one tag and one file", async () => {
    here = await open(await serving({ ...PACKAGE, ...PICTURE, "/": page(ONE) }));
    expect(await facesSeen(here.page)).toBe(1);
    expect(here.complaints).toEqual([]);
    expect(await here.page.evaluate(() => crossOriginIsolated)).toBe(false);
    // One file: only the worker imports other modules of the package.
    const scripts = here.asked.filter((url) => url.endsWith(".js")).map((url) => url.replace(/^.*\//, ""));
    expect(scripts.slice(0, 2)).toEqual(["emotion-cam.js", "worker.js"]);
  });

  test("that is cross-origin isolated reads it too", async () => {
    here = await open(await serving({ ...PACKAGE, ...PICTURE, "/": page(ONE) }, ISOLATED));
    expect(await facesSeen(here.page)).toBe(1);
    expect(here.complaints).toEqual([]);
    expect(await here.page.evaluate(() => crossOriginIsolated)).toBe(true);
    expect(await here.page.evaluate(() => document.querySelector("emotion-cam")!.runtime!.threads)).toBe(1);
  });

  test("under README's strict policy breaks none of it, whatever the element shows", async () => {
    const policy = { "Content-Security-Policy": readmesPolicy() };
    const styles = ["full", "boxes", "minimal", "emoji", "none"];
    const tags = styles.map((overlay) => ONE.replace("src", `privacy="blur" overlay="${overlay}" src`)).join("");
    const failing = '<emotion-cam src="missing.jpg" autostart></emotion-cam><emotion-cam lang="de"></emotion-cam>';
    here = await open(await serving({ ...PACKAGE, ...PICTURE, "/": page(tags + failing) }, policy));
    for (const number of styles.keys()) expect(await facesSeen(here.page, number)).toBe(1);
    await here.page.locator("emotion-cam[state=failed]").waitFor();
    // The page asks for a picture that does not exist.
    expect(here.complaints.filter((text) => !/404/.test(text))).toEqual([]);
  });
});

describe("across origins", () => {
  test.each([
    ["plain", {}],
    ["cross-origin isolated", ISOLATED],
  ])("a %s page of another port embeds it", async (_, headers) => {
    const files = await serving(PACKAGE, CORS);
    here = await open(await serving({ ...PICTURE, "/": page(ONE, `${files}/emotion-cam/`) }, headers));
    expect(await facesSeen(here.page)).toBe(1);
    expect(here.complaints).toEqual([]);
    expect(here.asked).toContain(`${files}/emotion-cam/worker.js`);
  });

  test("a server that allows nobody is named, with what to do", async () => {
    const files = await serving(PACKAGE);
    const tag = ONE.replace("src", `asset-base="${files}/emotion-cam" src`);
    here = await open(await serving({ ...PACKAGE, ...PICTURE, "/": page(tag) }));
    const error = await failure(here.page);
    expect(error.code).toBe("worker-crash");
    expect(error.message).toContain(`${files}/emotion-cam/worker.js`);
    expect(error.message).toContain("asset-base");
  });
});

describe("more than one", () => {
  test("one of two is removed, and the other goes on", async () => {
    here = await open(await serving({ ...PACKAGE, ...PICTURE, "/": page(ONE + ONE) }));
    const first = here.page;
    expect(await Promise.all([facesSeen(first, 0), facesSeen(first, 1)])).toEqual([1, 1]);
    expect(first.workers()).toHaveLength(2);
    await first.evaluate(() => document.querySelector("emotion-cam")!.remove());
    await expect.poll(() => first.workers().length, { timeout: 30_000 }).toBe(1);
    expect(await facesSeen(first)).toBe(1);
    expect(here.complaints).toEqual([]);
  });
});

describe.runIf(PEERS)("another tfjs on the page", () => {
  test("keeps its version, backend, flags and tensors", async () => {
    const { outputFiles } = await build({
      stdin: {
        contents: `import * as tf from "@tensorflow/tfjs-core"; import "@tensorflow/tfjs-backend-cpu"; window.tf = tf;`,
        resolveDir: HERE,
      },
      bundle: true,
      write: false,
      format: "esm",
      logLevel: "error",
    });
    const other = { "/tfjs.js": { text: outputFiles[0]!.text } };
    const body = `<script type="module" src="tfjs.js"></script>${ONE.replace(" autostart", "")}`;
    here = await open(await serving({ ...PACKAGE, ...PICTURE, ...other, "/": page(body) }));
    await here.page.waitForFunction(() => "tf" in window);
    const before = await stateOfTfjs(here.page);
    expect(before).toMatchObject({ version: "4.20.0", backend: "cpu", product: [19, 22, 43, 50] });
    await here.page.evaluate(() => document.querySelector("emotion-cam")!.setAttribute("autostart", ""));
    expect(await facesSeen(here.page)).toBe(1);
    expect(await stateOfTfjs(here.page)).toEqual(before);
    expect(here.complaints).toEqual([]);
  });
});

/** Version of the page's own tfjs, and one result that it computes. */
function stateOfTfjs(on: Page) {
  return on.evaluate(async () => {
    // Its types are another version's than ours.
    const { tf } = window as unknown as { tf: any };
    const matrices = [tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6, 7, 8], [2, 2])];
    const product = tf.matMul(matrices[0], matrices[1]);
    const values = Array.from(await product.data());
    tf.dispose([...matrices, product]);
    return {
      version: tf.version_core,
      backend: tf.getBackend(),
      product: values,
      flags: { ...tf.env().flags },
      features: JSON.stringify(tf.env().features),
      tensors: tf.memory().numTensors,
      globals: Object.keys(globalThis).filter((key) => /tf|tensorflow|wasm/i.test(key)),
    };
  });
}

/** The first error of the page's element, and the text that it shows. */
function failure(on: Page) {
  return on.evaluate(async () => {
    await customElements.whenDefined("emotion-cam");
    const element = document.querySelector("emotion-cam")!;
    const { code, message, recoverable } = await element.start().then(
      () => ({ code: "none", message: "It runs.", recoverable: true }),
      (error) => error,
    );
    await new Promise(requestAnimationFrame);
    const detail = element.shadowRoot!.querySelector("[part~=detail]")?.textContent ?? "";
    return { code: String(code), message: String(message), recoverable, detail, state: element.state };
  });
}

describe("a network of one's own", () => {
  const OWN = { "/networks/mine/": { file: join(ROOT, "dist/models/seed") } };
  const contract = JSON.parse(readFileSync(join(ROOT, "dist/models/seed/contract.json"), "utf8"));
  const named = (change: object) => ({ text: JSON.stringify({ ...contract, name: "mine", ...change }) });
  const tag = ONE.replace("src", 'model="networks/mine/contract.json" src');

  test("counts from the page, not from the package", async () => {
    const served = { "/networks/mine/contract.json": named({}), ...OWN, ...PACKAGE, ...PICTURE, "/": page(tag) };
    here = await open(await serving(served));
    expect(await facesSeen(here.page)).toBe(1);
    expect(await here.page.evaluate(() => document.querySelector("emotion-cam")!.runtime!.classifier.name)).toBe(
      "mine",
    );
    expect(here.complaints).toEqual([]);
  });

  test.each([
    ["that is not there", {}, "model-load", "answers 404"],
    ["that is a page", { "/networks/mine/contract.json": { text: "<p>hello" } }, "model-corrupt", "is not JSON"],
    ["without its files", { "/networks/mine/contract.json": named({}) }, "model-load", "answers 404"],
    [
      "with other expressions",
      { "/networks/mine/contract.json": named({ labels: ["bored", ...contract.labels.slice(1)] }) },
      "model-corrupt",
      '"labels.0" is not "angry"',
    ],
    [
      "that finds faces",
      { "/networks/mine/": { file: join(ROOT, "dist/models/blazeface") } },
      "model-corrupt",
      '"input.luma" is not "rec601"',
    ],
    [
      "whose files are others",
      {
        "/networks/mine/contract.json": named({
          int8: { ...contract.int8, files: [{ ...contract.int8.files[0], sha256: "0".repeat(64) }] },
        }),
        ...OWN,
      },
      "model-corrupt",
      "sha256",
    ],
  ] as const)("%s is refused in words", async (_, files, code, reason) => {
    here = await open(await serving({ ...files, ...PACKAGE, ...PICTURE, "/": page(tag) } as Served));
    const said = await failure(here.page);
    expect(said).toMatchObject({ code, state: "failed" });
    expect(said.message).toContain("/networks/mine/");
    expect(said.message).toContain(reason);
    expect(said.message).toContain("training scripts");
    expect(said.detail).toBe(said.message);
  });
});
