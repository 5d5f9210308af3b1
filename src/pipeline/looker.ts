/**
 * Which squares of a frame the detector is shown, and what it makes of them. A face is believed when looks at two
 * scales agree; whoever is believed is then followed with a look of their own.
 */
import type { Box } from "../types.ts";
import { type FollowLook, followLooks, isReached, verifySquare } from "./follow.ts";
import { type Sighting, type Size, letterboxSquare } from "./geometry.ts";
import { look } from "./look.ts";
import { type WeighedSighting, isSameFace, merge } from "./merge.ts";
import { Motion } from "./motion.ts";
import { Search } from "./search.ts";
import type { Detector, Picture, Square } from "./stages.ts";
import type { Track } from "./track.ts";

/** A look from afar need only raise a suspicion: this share of the score that is asked for. */
export const SUSPICION = 0.4;

/** A face that is known may score so much less than a new one: it turned, or somebody's hand is before it. */
const KEPT = 0.6;

/** A face that was not seen is looked for where it is expected for so long; then the search may find it. */
const FOLLOW_MISSED_MS = 500;

/** Suspicions looked into in one frame: a patterned shirt raises many, and none of them soon is no loss. */
const MOST_SUSPICIONS = 3;

/** What the looks at one frame saw. */
export interface Seen {
  /** Each face once. */
  readonly sightings: readonly Sighting[];
  /** Whether a look covered a box's place, so that a face there would have been seen. */
  covers(box: Box): boolean;
}

/** One frame, and what is known of it. */
export interface Scene {
  readonly picture: Picture;
  readonly timeMs: number;
  /** 0..1. */
  readonly minScore: number;
  /** Everybody who is followed. */
  readonly tracks: readonly Track[];
  /** Where each of them is expected now, frame pixels. */
  expected(track: Track): Box;
  /** How many looks may be spent; 1 or more. */
  readonly looks: number;
  /** Whether looks may be saved where nothing moved. */
  readonly thrifty: boolean;
}

/** Looks at one stream of frames. */
export class Looker {
  readonly #detector: Detector;
  readonly #onLook: (ms: number) => void;
  readonly #clock: () => number;
  readonly #search = new Search();
  readonly #motion = new Motion();
  readonly #lookedMs = new Map<number, number>();
  #lastMs = Number.NaN;
  #searchesFirst = false;

  /**
   * @param clock Milliseconds.
   * @param onLook Told what each look cost, milliseconds.
   */
  constructor(detector: Detector, clock: () => number, onLook: (ms: number) => void) {
    this.#detector = detector;
    this.#clock = clock;
    this.#onLook = onLook;
  }

  /** Begins anew, as for another frame size. */
  reset(frame: Size): void {
    this.#search.reset(frame);
    this.#motion.reset();
    this.#lookedMs.clear();
    this.#lastMs = Number.NaN;
  }

  /** One look, at the whole frame. */
  async near(scene: Scene): Promise<Seen> {
    const square = letterboxSquare(scene.picture);
    const sightings = await this.#look(scene.picture, square, KEPT * scene.minScore);
    return { sightings: believed(merge(sightings), scene), covers: () => true };
  }

  /** Looks at whoever is known, and searches the frame for others a piece at a time. */
  async far(scene: Scene): Promise<Seen> {
    const { picture, timeMs, minScore } = scene;
    if (scene.thrifty) this.#motion.watch(picture, timeMs);
    this.#search.pass(timeMs - this.#lastMs || 0);
    this.#lastMs = timeMs;
    const [follows, searches] = this.#plan(scene);

    const squares: Square[] = [];
    const seen: WeighedSighting[] = [];
    for (const { square, ids } of follows) {
      squares.push(square);
      for (const id of ids) this.#lookedMs.set(id, timeMs);
      seen.push(...(await this.#look(picture, square, KEPT * minScore)));
    }
    const suspected: WeighedSighting[] = [];
    for (const square of searches) {
      squares.push(square);
      suspected.push(...(await this.#look(picture, square, SUSPICION * minScore)));
    }
    const news = merge(suspected).filter((suspicion) => !seen.some((sighting) => isSameFace(sighting, suspicion)));
    for (const suspicion of news.slice(0, MOST_SUSPICIONS)) {
      const square = verifySquare(suspicion.box);
      squares.push(square);
      const verified = await this.#look(picture, square, KEPT * minScore);
      seen.push(...verified.filter((sighting) => isSameFace(sighting, suspicion)));
    }
    const sightings = believed(merge(seen), scene);
    for (const { box } of sightings) this.#search.saw(box, timeMs);
    return { sightings, covers: (box) => squares.some((square) => isReached({ box }, square)) };
  }

  /** Shares the looks out: to those who are known, and to the search at least one in two frames. */
  #plan(scene: Scene): readonly [readonly FollowLook[], readonly Square[]] {
    const { timeMs, tracks, looks, thrifty } = scene;
    for (const id of this.#lookedMs.keys()) if (!tracks.some((track) => track.id === id)) this.#lookedMs.delete(id);
    const followed = tracks
      .filter(({ missedSinceMs }) => missedSinceMs === null || timeMs - missedSinceMs < FOLLOW_MISSED_MS)
      .map((track) => ({
        id: track.id,
        box: scene.expected(track),
        confirmed: track.confirmed,
        missed: track.missedSinceMs !== null,
        lookedMs: this.#lookedMs.get(track.id) ?? Number.MIN_SAFE_INTEGER,
      }));
    const wanted = followLooks(followed);
    this.#searchesFirst = !this.#searchesFirst;
    const kept = looks > 1 || this.#searchesFirst || wanted.length === 0 ? 1 : 0;
    const spare = Math.max(kept, looks - wanted.length);
    const boxes = followed.map(({ box }) => box);
    const searches = this.#search.next(timeMs, spare, boxes, thrifty ? this.#motion : null);
    return [wanted.slice(0, Math.max(0, looks - searches.length)), searches];
  }

  async #look(picture: Picture, square: Square, minScore: number): Promise<readonly WeighedSighting[]> {
    const startMs = this.#clock();
    const sightings = await look(picture, this.#detector, square, minScore);
    this.#onLook(this.#clock() - startMs);
    return sightings;
  }
}

/** Of a newcomer the whole score is asked, of a known face a part. */
function believed(sightings: readonly WeighedSighting[], scene: Scene): readonly Sighting[] {
  const known = scene.tracks.filter(({ confirmed }) => confirmed).map((track) => ({ box: scene.expected(track) }));
  return sightings.filter(
    (sighting) => sighting.score >= scene.minScore || known.some((face) => isSameFace(face, sighting)),
  );
}
