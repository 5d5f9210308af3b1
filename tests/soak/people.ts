/** People before the soak's camera: they enter from a side, stay for a while and leave. Pure. */
import { randomNumbers } from "../int8/networks.ts";
import type { Figure } from "../pages/camera-clip.ts";

/** One visit of one person. */
interface Person {
  readonly fromSecond: number;
  readonly toSecond: number;
  /** The person's place, as a fraction of the frame's width. */
  readonly place: number;
  /** Height of the portrait, as a fraction of the frame's height. */
  readonly size: number;
  /** The side from which the person enters: -1 is left. */
  readonly side: -1 | 1;
}

const FRAMES_PER_SECOND = 30;
const WALK_SECONDS = 1.5;
const MOST_PEOPLE = 3;

/**
 * Make a clip's people.
 *
 * @param size Size of the frame, pixels.
 * @param seconds Length of the clip. It starts and ends with an empty scene.
 * @returns The people in each frame, at 30 frames a second.
 */
export function peopleComingAndGoing(
  seed: number,
  size: { readonly width: number; readonly height: number },
  seconds: number,
): readonly (readonly Figure[])[] {
  const random = randomNumbers(seed);
  const share = () => random(1000) / 1000;
  const people: Person[] = [];
  for (let second = 2; second < seconds - 8; second += 4 + 8 * share()) {
    for (let person = 1 + random(MOST_PEOPLE); person > 0; person--) {
      const fromSecond = second + 2 * share();
      const toSecond = Math.min(seconds - 1, fromSecond + 4 + 10 * share());
      const side = random(2) === 0 ? -1 : 1;
      people.push({ fromSecond, toSecond, place: 0.15 + 0.7 * share(), size: 0.7 + 0.8 * share(), side });
    }
  }
  return Array.from({ length: Math.round(seconds * FRAMES_PER_SECOND) }, (_, frame) => {
    const second = frame / FRAMES_PER_SECOND;
    return people
      .filter(({ fromSecond, toSecond }) => second >= fromSecond && second <= toSecond)
      .map((person) => figureOf(person, second, size));
  });
}

/** Place the portrait. Its face lies a little above and left of its middle. */
function figureOf(
  { fromSecond, toSecond, place, size, side }: Person,
  second: number,
  frame: { readonly width: number; readonly height: number },
): Figure {
  const away = Math.max(0, 1 - (second - fromSecond) / WALK_SECONDS, 1 - (toSecond - second) / WALK_SECONDS);
  const height = size * frame.height;
  const x = (place + side * away) * frame.width - 0.44 * height;
  const sway = Math.sin(second * 2) * 0.01 * height;
  return { x: Math.round(x + sway), y: Math.round(0.1 * frame.height), side: Math.round(height) };
}
