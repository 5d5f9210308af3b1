/**
 * Which squares of a frame the detector is shown, and what it makes of them. A face is believed when looks at two
 * scales agree; whoever is believed is then followed with a look of their own.
 */
import type { Box } from "../types.ts";
import { type FollowLook, type Followed, followLooks, isReached, verifySquare } from "./follow.ts";
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

  /** Looks at the whole frame, and closer only where somebody new seems to be. */
  async near(scene: Scene): Promise<Seen> {
    const newcomers = followLooks(this.#followed(scene).filter(({ confirmed }) => !confirmed));
    const whole = letterboxSquare(scene.picture);
    const { sightings } = await this.#examine(scene, newcomers.slice(0, MOST_SUSPICIONS), [whole], 1);
    // Whoever this look cannot see is out of reach, which is as good as gone.
    return { sightings, covers: () => true };
  }

  /** Looks at whoever is known, and searches the frame for others a piece at a time. */
  async far(scene: Scene): Promise<Seen> {
    const { timeMs } = scene;
    if (scene.thrifty) this.#motion.watch(scene.picture, timeMs);
    this.#search.pass(timeMs - this.#lastMs || 0);
    this.#lastMs = timeMs;
    const [follows, searches] = this.#plan(scene);
    const seen = await this.#examine(scene, follows, searches, SUSPICION);
    for (const { box } of seen.sightings) this.#search.saw(box, timeMs);
    return seen;
  }

  /**
   * Looks for those who are known, then elsewhere, then again where somebody new seems to be.
   *
   * @param suspicion The share of the score that is asked for from which somebody seems to be there.
   */
  async #examine(
    scene: Scene,
    follows: readonly FollowLook[],
    searches: readonly Square[],
    suspicion: number,
  ): Promise<Seen> {
    const { picture, timeMs, minScore } = scene;
    const squares: Square[] = [];
    const seen: WeighedSighting[] = [];
    for (const { square, ids } of follows) {
      squares.push(square);
      for (const id of ids) this.#lookedMs.set(id, timeMs);
      seen.push(...(await this.#look(picture, square, KEPT * minScore)));
    }
    const found: WeighedSighting[] = [];
    for (const square of searches) {
      squares.push(square);
      found.push(...(await this.#look(picture, square, Math.min(suspicion, KEPT) * minScore)));
    }
    const known = knownFaces(scene);
    let left = MOST_SUSPICIONS;
    for (const one of merge(found)) {
      if (seen.some((sighting) => isSameFace(sighting, one))) continue;
      if (one.score >= KEPT * minScore && known.some((face) => isSameFace(face, one))) {
        seen.push(one);
        continue;
      }
      if (one.score < suspicion * minScore || left-- <= 0) continue;
      const square = verifySquare(one.box);
      squares.push(square);
      const verified = await this.#look(picture, square, KEPT * minScore);
      seen.push(...verified.filter((sighting) => isSameFace(sighting, one)));
    }
    // Of a newcomer the whole score is asked, of a known face a part.
    const sightings = merge(seen).filter(
      (sighting) => sighting.score >= minScore || known.some((face) => isSameFace(face, sighting)),
    );
    return { sightings, covers: (box) => squares.some((square) => isReached({ box }, square)) };
  }

  /** Shares the looks out: to those who are known, and to the search at least one in two frames. */
  #plan(scene: Scene): readonly [readonly FollowLook[], readonly Square[]] {
    const { timeMs, looks, thrifty } = scene;
    const followed = this.#followed(scene);
    const wanted = followLooks(followed);
    this.#searchesFirst = !this.#searchesFirst;
    const kept = looks > 1 || this.#searchesFirst || wanted.length === 0 ? 1 : 0;
    const spare = Math.max(kept, looks - wanted.length);
    const boxes = followed.map(({ box }) => box);
    const searches = this.#search.next(timeMs, spare, boxes, thrifty ? this.#motion : null);
    return [wanted.slice(0, Math.max(0, looks - searches.length)), searches];
  }

  /** Who is looked for where: everybody, but those who were missed for too long. */
  #followed(scene: Scene): readonly Followed[] {
    const { tracks, timeMs } = scene;
    for (const id of this.#lookedMs.keys()) if (!tracks.some((track) => track.id === id)) this.#lookedMs.delete(id);
    return tracks
      .filter(({ missedSinceMs }) => missedSinceMs === null || timeMs - missedSinceMs < FOLLOW_MISSED_MS)
      .map((track) => ({
        id: track.id,
        box: scene.expected(track),
        confirmed: track.confirmed,
        missed: track.missedSinceMs !== null,
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

/** Where those who are shown are expected. */
function knownFaces(scene: Scene): readonly { readonly box: Box }[] {
  return scene.tracks.filter(({ confirmed }) => confirmed).map((track) => ({ box: scene.expected(track) }));
}
