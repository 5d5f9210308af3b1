import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Sighting } from "../../src/pipeline/geometry.ts";
import type { Track } from "../../src/pipeline/track.ts";
import { Tracker } from "../../src/pipeline/tracker.ts";
import { type MadeFace, keypointsOf, normal, seeded } from "./made-world.ts";

const FRAME_MS = 1000 / 15;
const EVERYWHERE = (): boolean => true;
const NOWHERE = (): boolean => false;

function sighting(face: MadeFace, score = 0.9): Sighting {
  const { centerX, centerY, width } = face;
  return {
    box: { x: centerX - width / 2, y: centerY - width / 2, width, height: width },
    keypoints: keypointsOf(face),
    score,
  };
}

/** Show the tracker the same faces for some frames, and return the last frame's time. */
function watch(tracker: Tracker, faces: readonly MadeFace[], frames: number, startMs = 0): number {
  let timeMs = startMs;
  for (let frame = 0; frame < frames; frame++, timeMs += FRAME_MS)
    tracker.update(
      faces.map((face) => sighting(face)),
      timeMs,
      0.5,
      EVERYWHERE,
    );
  return timeMs - FRAME_MS;
}

function centerX(track: Track | undefined): number {
  return track ? track.box.x + track.box.width / 2 : Number.NaN;
}

describe("birth and death", () => {
  const face = { centerX: 200, centerY: 200, width: 80 };

  test("a face is shown with its second sighting, not with its first", () => {
    const tracker = new Tracker();
    watch(tracker, [face], 1);
    expect(tracker.shown(0, 4)).toHaveLength(0);
    const timeMs = watch(tracker, [face], 1, FRAME_MS);
    expect(tracker.shown(timeMs, 4)).toHaveLength(1);
  });

  test("a face that one of three looks sees is never shown", () => {
    const tracker = new Tracker();
    for (let frame = 0; frame < 60; frame++) {
      tracker.update(frame % 3 === 0 ? [sighting(face)] : [], frame * FRAME_MS, 0.5, EVERYWHERE);
      expect(tracker.shown(frame * FRAME_MS, 4)).toHaveLength(0);
    }
  });

  test("a face of middling scores is shown after ten looks, one of lower scores never", () => {
    const looksUntilShown = (score: number): number => {
      const tracker = new Tracker();
      for (let frame = 0; frame < 100; frame++) {
        tracker.update([sighting(face, score)], frame * FRAME_MS, 0.5, EVERYWHERE);
        if (tracker.shown(frame * FRAME_MS, 4).length > 0) return frame + 1;
      }
      return Number.POSITIVE_INFINITY;
    };
    expect(looksUntilShown(0.86)).toBe(2);
    expect(looksUntilShown(0.82)).toBe(10);
    expect(looksUntilShown(0.79)).toBe(Number.POSITIVE_INFINITY);
  });

  test("a weak sighting keeps a shown face in place for half a second; it neither moves one, brings one back nor starts one", () => {
    const weak = 0.4;
    const tracker = new Tracker();
    let timeMs = watch(tracker, [face], 5);
    const id = tracker.shown(timeMs, 4)[0]?.id;
    const next = (seen: readonly Sighting[]): readonly Track[] => {
      timeMs += FRAME_MS;
      tracker.update(seen, timeMs, 0.5, EVERYWHERE);
      return tracker.shown(timeMs, 4);
    };
    for (let frame = 0; frame < 7; frame++) expect(next([sighting(face, weak)])[0]?.id).toBe(id);
    // A weak sighting that moves away, as of a shoulder.
    for (let frame = 1; frame < 15; frame++) {
      next([sighting({ ...face, centerX: face.centerX + 8 * frame }, weak)]);
      expect(tracker.tracks).toHaveLength(1);
      expect(Math.abs(centerX(tracker.tracks[0]) - face.centerX)).toBeLessThan(0.35 * face.width);
    }
    expect(next([sighting(face, weak)])).toHaveLength(0);
    expect(next([sighting(face)])[0]?.id).toBe(id);
  });

  test("a face that looks miss stays for a quarter of a second, and comes back with its id", () => {
    const tracker = new Tracker();
    let timeMs = watch(tracker, [face], 5);
    const id = tracker.shown(timeMs, 4)[0]?.id;
    timeMs = watch(tracker, [], 2, timeMs + FRAME_MS);
    expect(tracker.shown(timeMs, 4)[0]?.id).toBe(id);
    timeMs = watch(tracker, [], 6, timeMs + FRAME_MS);
    expect(tracker.shown(timeMs, 4)).toHaveLength(0);
    timeMs = watch(tracker, [face], 1, timeMs + FRAME_MS);
    expect(tracker.shown(timeMs, 4)[0]?.id).toBe(id);
  });

  test("after 1.5 seconds a face gets a new id, and no id is used again", () => {
    const tracker = new Tracker();
    let timeMs = watch(tracker, [face], 3);
    const ids = new Set<number>();
    for (let visit = 0; visit < 5; visit++) {
      for (const { id } of tracker.shown(timeMs, 4)) {
        expect(ids.has(id)).toBe(false);
        ids.add(id);
      }
      timeMs = watch(tracker, [], 30, timeMs + FRAME_MS);
      expect(tracker.tracks).toHaveLength(0);
      timeMs = watch(tracker, [face], 3, timeMs + FRAME_MS);
    }
    expect(ids.size).toBe(5);
  });

  test("a face is not missed where no look covers its place", () => {
    const tracker = new Tracker();
    const timeMs = watch(tracker, [face], 5);
    tracker.update([], timeMs + 900, 0.5, NOWHERE);
    expect(tracker.shown(timeMs + 900, 4)).toHaveLength(1);
  });

  test("ids are not used again after clear", () => {
    const tracker = new Tracker();
    const before = tracker.shown(watch(tracker, [face], 3), 4)[0]?.id ?? 0;
    tracker.clear();
    expect(tracker.tracks).toHaveLength(0);
    expect(tracker.shown(watch(tracker, [face], 3), 4)[0]?.id).toBeGreaterThan(before);
  });
});

describe("following", () => {
  test("a box moves to the face's new place without overshoot", () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 40, noNaN: true }), fc.integer({ min: 10, max: 60 }), (jump, rate) => {
        const tracker = new Tracker();
        const stepMs = 1000 / rate;
        for (let frame = 0; frame < 5; frame++) {
          tracker.update([sighting({ centerX: 200, centerY: 200, width: 80 })], frame * stepMs, 0.5, EVERYWHERE);
        }
        let last = 200;
        for (let frame = 5; frame < 5 + 2 * rate; frame++) {
          tracker.update([sighting({ centerX: 200 + jump, centerY: 200, width: 80 })], frame * stepMs, 0.5, EVERYWHERE);
          const shown = centerX(tracker.shown(frame * stepMs, 1)[0]);
          if (!(shown >= last - 1e-9 && shown <= 200 + jump + 1e-9)) return false;
          last = shown;
        }
        return Math.abs(last - 200 - jump) < 0.5;
      }),
      { numRuns: 25 },
    );
  });

  test.each([
    { width: 120, tremble: 0.017 },
    { width: 80, tremble: 0.017 },
    { width: 32, tremble: 0.019 },
  ])("a still face of $width px with a jitter of $tremble stays within 1 %", ({ width, tremble }) => {
    const tracker = new Tracker();
    const random = seeded(7);
    const shown: number[] = [];
    const off = (): number => tremble * width * normal(random);
    for (let frame = 0; frame < 600; frame++) {
      const face = { centerX: 300 + off(), centerY: 200 + off(), width };
      tracker.update([sighting(face)], frame * FRAME_MS, 0.5, EVERYWHERE);
      if (frame > 30) shown.push(centerX(tracker.shown(frame * FRAME_MS, 1)[0]) - 300);
    }
    const deviation = Math.sqrt(shown.reduce((sum, value) => sum + value * value, 0) / shown.length);
    expect(deviation / width).toBeLessThan(0.01);
  });

  test("a person who walks behind something keeps the id", () => {
    const tracker = new Tracker();
    const ids = new Set<number>();
    for (let frame = 0; frame < 40; frame++) {
      const hidden = frame >= 15 && frame < 24;
      const face = { centerX: 100 + 8 * frame, centerY: 200, width: 60 };
      tracker.update(hidden ? [] : [sighting(face)], frame * FRAME_MS, 0.5, EVERYWHERE);
      for (const { id } of tracker.shown(frame * FRAME_MS, 4)) ids.add(id);
    }
    expect(ids.size).toBe(1);
  });
});

describe("ids", () => {
  /** Move faces along paths, hide smaller ones behind larger ones, and return the share of frames with the right id. */
  function share(paths: readonly ((seconds: number) => MadeFace)[], seed: number, seconds: number): number {
    const tracker = new Tracker();
    const random = seeded(seed);
    const idOf = new Map<number, number>();
    let right = 0;
    let all = 0;
    for (let frame = 0; frame < seconds * 15; frame++) {
      const faces = paths.map((path) => path(frame / 15));
      const visible = faces.map((face) => !faces.some((other) => hides(other, face)) && random() > 0.03);
      const seen = faces.flatMap((face, index) => {
        const off = (): number => 0.02 * face.width * normal(random);
        return visible[index]
          ? [sighting({ ...face, centerX: face.centerX + off(), centerY: face.centerY + off() })]
          : [];
      });
      tracker.update(
        [...seen].sort(() => random() - 0.5),
        frame * FRAME_MS,
        0.5,
        EVERYWHERE,
      );
      const tracks = tracker.shown(frame * FRAME_MS, 8);
      faces.forEach((face, index) => {
        if (!visible[index] || frame < 5) return;
        const near = [...tracks].sort((a, b) => away(a, face) - away(b, face))[0];
        if (!near || away(near, face) > face.width / 2) return;
        if (!idOf.has(index)) idOf.set(index, near.id);
        all += 1;
        if (idOf.get(index) === near.id) right += 1;
      });
    }
    return right / all;
  }

  function hides(other: MadeFace, face: MadeFace): boolean {
    const apart = Math.hypot(other.centerX - face.centerX, other.centerY - face.centerY);
    return other.width > face.width && apart < 0.6 * other.width;
  }

  function away(track: Track, face: MadeFace): number {
    return Math.hypot(centerX(track) - face.centerX, track.box.y + track.box.height / 2 - face.centerY);
  }

  test("four people who cross keep their ids on 95 % of the frames", () => {
    let sum = 0;
    const runs = 20;
    for (let seed = 1; seed <= runs; seed++) {
      const random = seeded(1000 + seed);
      const paths = [0, 1, 2, 3].map((index) => {
        const from = 60 + 520 * random();
        const speed = (index % 2 ? -1 : 1) * (50 + 60 * random());
        const width = 55 + 12 * index + 6 * random();
        const height = 160 + 60 * random();
        return (seconds: number): MadeFace => {
          const along = (((from + speed * seconds) % 1160) + 1160) % 1160;
          return { centerX: 30 + (along < 580 ? along : 1160 - along), centerY: height, width };
        };
      });
      sum += share(paths, seed, 8);
    }
    expect(sum / runs).toBeGreaterThanOrEqual(0.95);
  });

  test("the order of sightings changes nothing", () => {
    const faces = [100, 250, 400, 550].map((x) => ({ centerX: x, centerY: 200, width: 70 }));
    const forth = new Tracker();
    const back = new Tracker();
    for (let frame = 0; frame < 10; frame++) {
      const seen = faces.map((face) => sighting({ ...face, centerX: face.centerX + 3 * frame }));
      forth.update(seen, frame * FRAME_MS, 0.5, EVERYWHERE);
      back.update(frame === 0 ? seen : [...seen].reverse(), frame * FRAME_MS, 0.5, EVERYWHERE);
    }
    expect(back.shown(600, 4)).toEqual(forth.shown(600, 4));
  });
});

describe("shown", () => {
  test("is the largest faces, the largest first, without flicker at the limit", () => {
    const tracker = new Tracker();
    const random = seeded(3);
    const kept = new Set<number>();
    for (let frame = 0; frame < 60; frame++) {
      const faces = [
        { centerX: 100, centerY: 200, width: 80 + 2 * normal(random) },
        { centerX: 300, centerY: 200, width: 80 + 2 * normal(random) },
        { centerX: 500, centerY: 200, width: 120 },
      ];
      tracker.update(faces.map(sighting), frame * FRAME_MS, 0.5, EVERYWHERE);
      const shown = tracker.shown(frame * FRAME_MS, 2);
      for (const { id } of shown) kept.add(id);
      if (frame > 2) expect(shown.map((track) => Math.round(track.box.width) > 100)).toEqual([true, false]);
    }
    expect(kept.size).toBe(2);
  });

  test("a face that is seen twice in one frame is one track", () => {
    const tracker = new Tracker();
    for (let frame = 0; frame < 10; frame++) {
      const twice = [
        { centerX: 200, centerY: 200, width: 80 },
        { centerX: 206, centerY: 203, width: 86 },
      ];
      tracker.update(twice.map(sighting), frame * FRAME_MS, 0.5, EVERYWHERE);
    }
    expect(tracker.shown(9 * FRAME_MS, 4)).toHaveLength(1);
  });
});
