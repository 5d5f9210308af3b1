import { readFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import type { Face } from "../../src/types.ts";
import { type Visit, endVisits, visit } from "./visit.ts";

let here: Visit | undefined;

afterEach(async () => {
  await here?.close();
  here = undefined;
});

afterAll(endVisits);

const CLIPS = ["turned-90.mp4", "turned-180.mp4", "turned-270.mp4", "oblong.mp4", "oblong.webm"];

describe("clips that are shown turned or stretched", () => {
  test.each(CLIPS)("%s is analysed as it is shown", async (clip) => {
    const body = readFileSync(new URL(`../fixtures/${clip}`, import.meta.url));
    here = await visit(`?src=${clip}`, [], (context) =>
      context.route(`**/${clip}`, (route) => route.fulfill({ body })),
    );
    const keypoints = await here.page.evaluate(
      () =>
        new Promise<Face["keypoints"]>((resolve) =>
          document.addEventListener("emotion-frame", (event) => {
            const [face] = (event as Event & { readonly faces: readonly Face[] }).faces;
            if (face?.certain && face.label === "happy") resolve(face.keypoints);
          }),
        ),
    );
    // By hand: the eyes of the portrait, in fractions of the frame.
    const [right, left] = keypoints;
    expect(Math.abs((right!.x + left!.x) / 2 - 0.46)).toBeLessThan(0.05);
    expect(Math.abs((right!.y + left!.y) / 2 - 0.31)).toBeLessThan(0.05);
  });
});

test.each(["index.html", "embed.html", "docs.html"])("%s, opened as a file, says how to serve it", async (file) => {
  here = await visit("", []);
  const { page, origin } = here;
  await page.goto(pathToFileURL(fileURLToPath(new URL(`../../dist/${file}`, import.meta.url))).href);
  await expect.poll(() => page.evaluate(() => document.body.innerText)).toContain("only when it is served");
  await page.goto(`${origin}/${file}`);
  expect(await page.evaluate(() => document.body.textContent)).not.toContain("only when it is served");
});
