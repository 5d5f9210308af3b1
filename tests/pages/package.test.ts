import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const DIST = new URL("../../dist/", import.meta.url);

test.each(["index.js", "define.js"])("%s can be imported where there is no DOM", (file) => {
  const script = `const { EmotionCam, LABELS } = await import("${new URL(file, DIST).href}");
    console.log(typeof EmotionCam.define, LABELS.length, typeof globalThis.customElements);`;
  const said = execFileSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
  expect(said.trim()).toBe("function 7 undefined");
});

test("the element's description comes with it", () => {
  const { modules } = JSON.parse(readFileSync(new URL("custom-elements.json", DIST), "utf8"));
  const tags = modules.flatMap(({ declarations }: { declarations: { tagName?: string }[] }) =>
    declarations.flatMap(({ tagName }) => tagName ?? []),
  );
  expect(tags).toEqual(["emotion-cam"]);
});
