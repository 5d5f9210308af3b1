/**
 * Chooses the squares of a frame to run the detector on, and decides which sightings are faces. A new face needs looks
 * at two scales that agree; a known face gets a look of its own.
 */
import type { Box } from "../types.ts";
import { type FollowLook, type FollowTarget, followLooks, isReached, verifySquare } from "./follow.ts";
import { type Sighting, type Size, boxArea, intersectionOverUnion, letterboxSquare, overlapArea } from "./geometry.ts";
import { look } from "./look.ts";
import { type WeighedSighting, isSameFace, merge } from "./merge.ts";
import type { MotionMap } from "./motion-map.ts";
import { Search } from "./search.ts";
import type { Detector, Picture, Square } from "./stages.ts";
import { NO_TRACKS, type Track, expectedBox } from "./track.ts";

/** A suspicion, which leads to a closer look, needs this share of the score that is asked for. */
export const SUSPICION = 0.4;

/** A known face needs this share of the score that is asked for: it may have turned, or a hand may cover it. */
const KNOWN = 0.6;

/** A missed face is looked for at its expected place for this long; afterwards only the search can find it. */
const FOLLOW_MISSED_MS = 500;

/** With nobody about whom something is to be found out, and nothing moving, `near` looks at the frame this seldom. */
const NEAR_STILL_EVERY_MS = 250;

/** A known face that stands still is looked at again after so long: in each third frame of a camera … */
const STILL_EVERY_MS = 95;
/** … while a smaller share of the cells around it changes: somebody who sways changes fewer, who steps more. */
const STILL_SHARE = 0.1;
/** Motion within so many face sizes to each side of a face may be its own. */
const STILL_MARGIN = 0.3;

/**
 * While nobody is followed, so often a square is looked at that is this many times wider than the frame. It sees faces
 * that fill the frame or are cut by its edge; black surrounds them.
 */
const WIDE_EVERY_MS = 400;
const WIDE = 1.7;
/** Where nothing moved since the last of these looks, they are this seldom. */
const WIDE_STILL_EVERY_MS = 1500;

/**
 * A sighting of this score is somebody who is too near, where the frame's edge cuts off so much of its box and something
 * moved in it lately. Halves of faces score 0.3 to 0.63, a face 1.46 frames wide 0.6.
 */
const CUT_OFF_SCORE = 0.3;
const CUT_OFF_SHARE = 0.2;
const CUT_OFF_MOVED_MS = 3000;

/** The most suspicions that are verified in one frame: a patterned shirt raises many, and none of them is urgent. */
const MAX_SUSPICIONS = 3;

/** The result of all looks at one frame. */
export interface Seen {
  /** One for each face. */
  readonly sightings: readonly Sighting[];
  /** @returns Whether a look covered a box's place, so that it would have seen a face there. */
  covers(box: Box): boolean;
  /** Numbers of the tracks that stand still: they were not looked at, and are where they were. */
  readonly resting: ReadonlySet<number>;
  /** True where somebody seems to be so near that the frame's edge cuts the face. */
  readonly isCutOff: boolean;
}

/** One frame, and what is known about it before the looks. */
export interface Scene {
  readonly picture: Picture;
  readonly timeMs: number;
  /** The score that is asked for, 0..1. */
  readonly minScore: number;
  readonly tracks: readonly Track[];
  /** The motion in the frames so far, this one included. */
  readonly motion: MotionMap;
  /** The number of looks that this frame may take, 1 or more. */
  readonly looks: number;
  /** True where looks may be saved on still parts of the frame. */
  readonly thrifty: boolean;
}

/** The looks that are planned for one frame. */
interface Looks {
  readonly follows: readonly FollowLook[];
  /** Numbers of the tracks that stand still. */
  readonly resting: ReadonlySet<number>;
  /** Known faces whose latest scores would not confirm a new face: a look at a new face's scale decides. */
  readonly doubted: readonly Box[];
  readonly searches: readonly Square[];
}

/** Looks at one stream of frames. */
export class Looker {
  readonly #detector: Detector;
  readonly #onLook: (ms: number) => void;
  readonly #clock: () => number;
  readonly #search = new Search();
  /** When each track was last looked for, by id. */
  readonly #lookedMs = new Map<number, number>();
  #lastMs = Number.NaN;
  #searchesFirst = false;
  #wideMs = Number.NEGATIVE_INFINITY;
  #nearMs = Number.NEGATIVE_INFINITY;

  /**
   * @param clock Milliseconds, monotonic.
   * @param onLook Called with the cost of each look, milliseconds.
   */
  constructor(detector: Detector, clock: () => number, onLook: (ms: number) => void) {
    this.#detector = detector;
    this.#clock = clock;
    this.#onLook = onLook;
  }

  /**
   * Start anew, for another stream or another frame size.
   *
   * @param frame Size of the frames to come.
   */
  reset(frame: Size): void {
    this.#search.reset(frame);
    this.#lookedMs.clear();
    this.#wideMs = Number.NEGATIVE_INFINITY;
    this.#nearMs = Number.NEGATIVE_INFINITY;
    this.#lastMs = Number.NaN;
  }

  /** Look at the whole frame, and closer only at unconfirmed tracks and at faces that seem to be new. */
  async near(scene: Scene): Promise<Seen> {
    const targets = this.#targets(scene, true);
    if (scene.thrifty && this.#seesNothingNew(scene, targets)) return NOTHING;
    this.#nearMs = scene.timeMs;
    const unconfirmed = followLooks(targets.filter(({ confirmed }) => !confirmed));
    const whole = letterboxSquare(scene.picture);
    const searches = this.#withWide(scene, [whole]);
    const follows = unconfirmed.slice(0, MAX_SUSPICIONS);
    const looks = { follows, resting: NO_TRACKS, doubted: [], searches };
    // A face that this look cannot see is out of reach: it counts as gone.
    return { ...(await this.#examine(scene, looks, 1)), covers: () => true };
  }

  /** Look at each known face that moves, and search the frame for others, some tiles at a time. */
  async far(scene: Scene): Promise<Seen> {
    const { timeMs } = scene;
    // The first step of time is NaN and counts as 0.
    this.#search.pass(timeMs - this.#lastMs || 0);
    this.#lastMs = timeMs;
    const plan = this.#plan(scene);
    const looks = { ...plan, searches: this.#withWide(scene, plan.searches) };
    const seen = await this.#examine(scene, looks, SUSPICION);
    for (const { box } of seen.sightings) this.#search.saw(box, timeMs);
    return seen;
  }

  /**
   * Look for the known faces, again at the doubted ones, then at the squares of the search, then closer at each suspicion.
   *
   * @param suspicion The share of the score that is asked for from which a sighting is a suspicion.
   */
  async #examine(scene: Scene, { follows, resting, doubted, searches }: Looks, suspicion: number): Promise<Seen> {
    const { picture, timeMs, minScore } = scene;
    const squares: Square[] = [];
    const seen: WeighedSighting[] = [];
    for (const { square, ids } of follows) {
      squares.push(square);
      for (const id of ids) this.#lookedMs.set(id, timeMs);
      seen.push(...(await this.#look(picture, square, KNOWN * minScore)));
    }
    for (const box of doubted) {
      const square = verifySquare(box);
      squares.push(square);
      for (const sighting of await this.#look(picture, square, KNOWN * minScore)) vouch(seen, sighting);
    }
    const found: WeighedSighting[] = [];
    let isCutOff = false;
    for (const square of searches) {
      squares.push(square);
      const sightings = await this.#look(picture, square, Math.min(suspicion, KNOWN) * minScore);
      isCutOff ||= sightings.some((sighting) => isCutOffIn(scene, sighting));
      found.push(...sightings);
    }
    const known = knownFaces(scene);
    let left = MAX_SUSPICIONS;
    for (const candidate of merge(found)) {
      if (seen.some((sighting) => isSameFace(sighting, candidate))) continue;
      if (isOfResting(candidate.box, resting, scene)) continue;
      if (candidate.score >= KNOWN * minScore && known.some((face) => isSameFace(face, candidate))) {
        seen.push(candidate);
        continue;
      }
      if (candidate.score < suspicion * minScore || left-- <= 0) continue;
      const square = verifySquare(candidate.box);
      squares.push(square);
      const verified = await this.#look(picture, square, KNOWN * minScore);
      seen.push(...verified.filter((sighting) => isSameFace(sighting, candidate)));
    }
    // A new face needs the whole score, a known one a share of it.
    const sightings = merge(seen.filter(({ box }) => !isOfResting(box, resting, scene))).filter(
      (sighting) => sighting.score >= minScore || known.some((face) => isSameFace(face, sighting)),
    );
    return {
      sightings,
      covers: (box) => squares.some((square) => isReached({ box }, square)),
      resting,
      isCutOff,
    };
  }

  #seesNothingNew({ timeMs, motion }: Scene, targets: readonly FollowTarget[]): boolean {
    const isOpen = targets.some(({ confirmed, missed }) => !confirmed || missed);
    return !isOpen && motion.movedMs <= this.#nearMs && timeMs - this.#nearMs < NEAR_STILL_EVERY_MS;
  }

  /** Add a look from farther away in its turn, while nobody is followed. */
  #withWide({ picture, tracks, timeMs, motion, thrifty }: Scene, searches: readonly Square[]): readonly Square[] {
    const isStill = thrifty && motion.movedMs <= this.#wideMs;
    if (timeMs - this.#wideMs < (isStill ? WIDE_STILL_EVERY_MS : WIDE_EVERY_MS)) return searches;
    if (tracks.some(({ confirmed }) => confirmed)) return searches;
    this.#wideMs = timeMs;
    const whole = letterboxSquare(picture);
    return [...searches, { ...whole, side: WIDE * whole.side }];
  }

  /** Divide the looks between known faces and the search, which gets at least one look in two frames. */
  #plan(scene: Scene): Looks {
    const { timeMs, looks, thrifty, motion } = scene;
    const targets = this.#targets(scene);
    const resting = thrifty ? targets.filter((target) => isResting(target, scene)) : [];
    const wanted = followLooks(targets.filter((target) => !resting.includes(target)));
    this.#searchesFirst = !this.#searchesFirst;
    const kept = looks > 1 || this.#searchesFirst || wanted.length === 0 ? 1 : 0;
    const spare = Math.max(kept, looks - wanted.length);
    const boxes = targets.map(({ box }) => box);
    const searches = this.#search.next(timeMs, spare, boxes, thrifty ? motion : null);
    const follows = wanted.slice(0, Math.max(0, looks - searches.length));
    const doubted = targets.filter((target) => target.confirmed && target.doubted).map(({ box }) => box);
    const restingIds = new Set(resting.map(({ id }) => id));
    return { follows, resting: restingIds, doubted: doubted.slice(0, MAX_SUSPICIONS), searches };
  }

  /**
   * List the tracks to look for: all but those that were missed for too long.
   *
   * @param doubts True where a doubted face counts as unconfirmed, so that it is looked at as a new one. `far` looks at it a
   * second time instead: half a face behind somebody's shoulder is seen only in a known face's square.
   */
  #targets(scene: Scene, doubts = false): readonly FollowTarget[] {
    const { tracks, timeMs } = scene;
    for (const id of this.#lookedMs.keys()) if (!tracks.some((track) => track.id === id)) this.#lookedMs.delete(id);
    return tracks
      .filter(({ missedSinceMs }) => missedSinceMs === null || timeMs - missedSinceMs < FOLLOW_MISSED_MS)
      .map((track) => ({
        id: track.id,
        box: expectedBox(track, timeMs),
        confirmed: track.confirmed && !(doubts && track.doubtedSinceMs !== null),
        missed: track.missedSinceMs !== null,
        doubted: track.doubtedSinceMs !== null,
        lookedMs: this.#lookedMs.get(track.id) ?? Number.MIN_SAFE_INTEGER,
      }));
  }

  async #look(picture: Picture, square: Square, minScore: number): Promise<readonly WeighedSighting[]> {
    const startMs = this.#clock();
    const sightings = await look(picture, this.#detector, square, minScore);
    this.#onLook(this.#clock() - startMs);
    return sightings;
  }
}

/** @returns Whether a known face need not be looked at: nothing is left to be found out, and hardly anything moved around it. */
function isResting({ box, confirmed, missed, doubted, lookedMs }: FollowTarget, { timeMs, motion }: Scene): boolean {
  if (!confirmed || missed || doubted || timeMs - lookedMs >= STILL_EVERY_MS) return false;
  const { x, y, width, height } = box;
  const [marginX, marginY] = [STILL_MARGIN * width, STILL_MARGIN * height];
  const around = { x: x - marginX, y: y - marginY, width: width + 2 * marginX, height: height + 2 * marginY };
  return motion.shareSince(around, lookedMs) < STILL_SHARE;
}

/**
 * Tell whether a sighting is of a face that stands still. A look that was meant for something else sees it at another scale,
 * and would move its box.
 */
function isOfResting(box: Box, resting: ReadonlySet<number>, { tracks, timeMs }: Scene): boolean {
  if (resting.size === 0) return false;
  let most = 0;
  let nearest: Track | null = null;
  for (const track of tracks) {
    const overlap = intersectionOverUnion(box, expectedBox(track, timeMs));
    if (overlap > most) [most, nearest] = [overlap, track];
  }
  return nearest !== null && resting.has(nearest.id);
}

/** Let a second look at a face replace the first, where it scores higher. */
function vouch(seen: WeighedSighting[], sighting: WeighedSighting): void {
  const index = seen.findIndex((other) => isSameFace(other, sighting));
  if (index < 0) seen.push(sighting);
  else if (sighting.score > seen[index]!.score) seen[index] = sighting;
}

/** The result of a frame that is not looked at. */
const NOTHING: Seen = { sightings: [], covers: () => false, resting: NO_TRACKS, isCutOff: false };

function isCutOffIn({ picture, motion, timeMs }: Scene, { box, score }: Sighting): boolean {
  const { width, height } = picture;
  const inside = overlapArea(box, { x: 0, y: 0, width, height });
  const isCut = inside < (1 - CUT_OFF_SHARE) * boxArea(box);
  return score >= CUT_OFF_SCORE && isCut && motion.since(box, timeMs - CUT_OFF_MOVED_MS);
}

/** @returns The expected boxes of the confirmed tracks. */
function knownFaces({ tracks, timeMs }: Scene): readonly { readonly box: Box }[] {
  return tracks.filter(({ confirmed }) => confirmed).map((track) => ({ box: expectedBox(track, timeMs) }));
}
