/** The photographs that scenes are made of. Runs in Node. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { HeadSource } from "./scenes.ts";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const SHARED_FACES = join(ROOT, "../shared/faces");

/** The folders that a page must be served, by the start of the path. */
export const HEAD_FILES = { "/faces/": SHARED_FACES, "/fixtures/": join(ROOT, "tests/fixtures") };

/** The boxes are BlazeFace's on a close look, checked by eye. */
const ASTRONAUT: HeadSource = { url: "/fixtures/astronaut.jpg", face: { x: 174.5, y: 73.6, width: 104, height: 104 } };
const SHARED_HEADS: readonly HeadSource[] = [
  { url: "/faces/portrait-a.jpg", face: { x: 358.9, y: 151.1, width: 270.9, height: 270.9 } },
  { url: "/faces/portrait-b.jpg", face: { x: 386.4, y: 272.9, width: 513.6, height: 513.6 } },
  { url: "/faces/standing-a.jpg", face: { x: 627.8, y: 344.1, width: 275.2, height: 275.2 } },
  { url: "/faces/standing-b.jpg", face: { x: 407, y: 265.6, width: 303.7, height: 303.7 } },
];

/** @returns The heads that are available: the astronaut, and those of ../shared/faces. Warns if these are missing. */
export function headSources(): readonly HeadSource[] {
  if (existsSync(SHARED_FACES)) return [ASTRONAUT, ...SHARED_HEADS];
  console.error(`${SHARED_FACES} is missing: the astronaut's head is the only one.`);
  return [ASTRONAUT];
}
