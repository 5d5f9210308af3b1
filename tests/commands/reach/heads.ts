/** The photographs that scenes are made of, and where they lie. Runs in Node. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { HeadSource } from "./scenes.ts";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const SHARED_FACES = join(ROOT, "../shared/faces");

/** What a page has to be served: a path's beginning, and the folder behind it. */
export const HEAD_FILES = { "/faces/": SHARED_FACES, "/fixtures/": join(ROOT, "tests/fixtures") };

/** The faces' boxes are BlazeFace's own from nearby, looked at and found right. */
const ASTRONAUT: HeadSource = { url: "/fixtures/astronaut.jpg", face: { x: 174.5, y: 73.6, width: 104, height: 104 } };
const SHARED_HEADS: readonly HeadSource[] = [
  { url: "/faces/portrait-a.jpg", face: { x: 358.9, y: 151.1, width: 270.9, height: 270.9 } },
  { url: "/faces/portrait-b.jpg", face: { x: 386.4, y: 272.9, width: 513.6, height: 513.6 } },
  { url: "/faces/standing-a.jpg", face: { x: 627.8, y: 344.1, width: 275.2, height: 275.2 } },
  { url: "/faces/standing-b.jpg", face: { x: 407, y: 265.6, width: 303.7, height: 303.7 } },
];

/** The heads that are here: the astronaut, and those of ../shared/faces. Says aloud where these are missing. */
export function headSources(): readonly HeadSource[] {
  if (existsSync(SHARED_FACES)) return [ASTRONAUT, ...SHARED_HEADS];
  console.error(`${SHARED_FACES} is not there: the astronaut's head is the only one.`);
  return [ASTRONAUT];
}
