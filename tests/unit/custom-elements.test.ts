import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { ERRORS } from "../../src/errors.ts";
import { MAX_FACES } from "../../src/types.ts";
import { type Member, describeElement, elementOf } from "../../src/package/manifest.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const element = elementOf(await describeElement());

const readme = readFileSync(`${ROOT}/README.md`, "utf8");
const section = /\n## Element\n([\s\S]*?)(?=\n## |$)/.exec(readme)?.[1] ?? "";

/** The words in code style of the first column of the section's table whose head begins so. */
function tableOf(head: string): readonly string[] {
  const table = new RegExp(`(?:^|\\n)\\| ${head} [^\\n]*\\n\\|[^\\n]*\\n((?:\\|[^\\n]*\\n)+)`).exec(section)?.[1] ?? "";
  return table
    .trim()
    .split("\n")
    .flatMap((row) => [...row.split("|")[1]!.matchAll(/`([^`]+)`/g)].map((match) => match[1]!))
    .sort();
}

const namesOf = (members: readonly Member[]) => members.map(({ name }) => name).sort();

/** The files that say what the element is made of. */
function sources(): readonly string[] {
  const files = ["src/emotion-cam.ts", ...readdirSync(`${ROOT}/src/view`).map((file) => `src/view/${file}`)];
  return files.map((file) => readFileSync(`${ROOT}/${file}`, "utf8"));
}

/** Parts that the sources give to what they draw. */
function partsInSource(): readonly string[] {
  const text = sources().join("\n");
  const given = text.matchAll(/(?:\spart="|setAttribute\("part", ")([a-z -]+)"/g);
  return [...new Set([...given].flatMap((match) => match[1]!.split(" ")))].sort();
}

/** Custom properties that the style sheets set for pages to set otherwise; the others begin with `--_`. */
function propertiesInSource(): readonly string[] {
  const text = sources().join("\n");
  return [...new Set([...text.matchAll(/--emotion-cam-[a-z]+(?:-[a-z]+)*/g)].map((match) => match[0]))].sort();
}

describe("the element's description", () => {
  test.each([
    ["attribute", "attributes"],
    ["event", "events"],
    ["part", "cssParts"],
    ["property", "cssProperties"],
    ["slot", "slots"],
    ["state", "cssStates"],
  ] as const)("README's table of each %s is the generated one's", (head, key) => {
    expect(tableOf(head)).toEqual(namesOf(element[key] ?? []));
  });

  test("every attribute, event, part and property is explained", () => {
    for (const key of ["attributes", "events", "cssParts", "cssProperties", "slots", "cssStates"] as const)
      for (const { name, description } of element[key] ?? []) expect(description, name).toBeTruthy();
  });

  test("parts and properties are those of the sources", () => {
    expect(namesOf(element.cssParts)).toEqual(partsInSource());
    expect(namesOf(element.cssProperties ?? [])).toEqual(propertiesInSource());
  });

  test("slots are those of the sources", () => {
    const text = sources().join("\n");
    const given = [...text.matchAll(/<slot name="([a-z-]+)"/g), ...text.matchAll(/\? "(label)"/g)];
    expect([...new Set(given.map((match) => match[1]!))].sort()).toEqual(namesOf(element.slots ?? []));
  });

  test("attributes are those that the element observes, and the two that it writes itself", () => {
    const text = readFileSync(`${ROOT}/src/emotion-cam.attributes.ts`, "utf8");
    const properties = /static override properties = \{([\s\S]*?)\n {2}\};/.exec(text)![1]!;
    const observed = [...properties.matchAll(/^ {4}(\w+): \{(?:.*attribute: "([a-z-]+)")?/gm)].map(
      (match) => match[2] ?? match[1]!,
    );
    expect([...observed, "state", "demo"].sort()).toEqual(namesOf(element.attributes));
  });

  test("events are those of the sources", () => {
    const text = readFileSync(`${ROOT}/src/events.ts`, "utf8");
    const types = [...text.matchAll(/static readonly type = "([a-z-]+)"/g)].map((match) => match[1]!);
    expect(types.sort()).toEqual(namesOf(element.events));
  });

  test("the most faces that are promised are those that a frame shows", () => {
    const promise = `1 to ${MAX_FACES}`;
    expect(element.attributes.find(({ name }) => name === "max-faces")!.description).toContain(promise);
    expect(/^\| `max-faces` .*$/m.exec(section)![0]).toContain(promise);
  });

  test("error codes in README are all of them", () => {
    expect(tableOf("code")).toEqual(Object.keys(ERRORS).sort());
  });
});
