import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Face, Label } from "../../src/types.ts";
import { FaceOverlay, type OverlayScene } from "../../src/view/face-overlay.ts";
import { ExpressionStrip } from "../../src/view/strip.ts";
import { styles } from "../../src/view/styles.ts";
import { ENGLISH } from "../../src/view/words.ts";

/** Size of the layer and of the frame: a fraction of the frame times this is a CSS pixel. */
const WIDTH = 640;
const HEIGHT = 480;

let host: HTMLElement;
let layer: HTMLElement;
let overlay: FaceOverlay;

beforeEach(() => {
  host = document.createElement("div");
  host.style.cssText = `position: fixed; inset: 0 auto auto 0; width: ${WIDTH}px; height: ${HEIGHT}px`;
  const root = host.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = styles.map(({ styleSheet }) => styleSheet!);
  layer = document.createElement("div");
  layer.className = "overlay";
  root.append(layer);
  document.body.append(host);
  overlay = new FaceOverlay(layer);
});

afterEach(() => {
  overlay.dispose();
  host.remove();
  vi.restoreAllMocks();
});

function face(x: number, certain = true, label: Label = "happy", id = 1): Face {
  const rest = (1 - 0.7) / 6;
  const scores = {
    angry: rest,
    disgusted: rest,
    fearful: rest,
    happy: rest,
    neutral: rest,
    sad: rest,
    surprised: rest,
  };
  return {
    id,
    box: { x, y: 0.4, width: 0.2, height: 0.25 },
    keypoints: [],
    score: 0.9,
    scores: { ...scores, [label]: 0.7 },
    label,
    confidence: 0.7,
    certain,
  };
}

function scene(wishes: Partial<OverlayScene> = {}): OverlayScene {
  return {
    ...{ frameWidth: WIDTH, frameHeight: HEIGHT, mirror: false, fit: "cover", style: "full", privacy: "show" },
    ...{ words: ENGLISH, coarse: null },
    ...wishes,
  };
}

const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
const settled = () => new Promise((resolve) => setTimeout(resolve, 700));
const marks = () => layer.querySelector<SVGElement>(".corners")!;
const chip = () => layer.querySelector<HTMLElement>(".chip")!;
const middle = (part: Element) => {
  const { x, width } = part.getBoundingClientRect();
  return x + width / 2;
};

describe("the faces", () => {
  test("draws marks around the face, and above them a chip in the expression's colour and word", async () => {
    overlay.show([face(0.3)], scene());
    await frame();
    await frame();
    const { left, right, top, bottom } = marks().querySelector("path:last-child")!.getBoundingClientRect();
    expect(left).toBeLessThan(0.3 * WIDTH);
    expect(right).toBeGreaterThan(0.5 * WIDTH);
    expect(top).toBeLessThan(0.4 * HEIGHT);
    expect(bottom).toBeGreaterThan(0.65 * HEIGHT);
    expect(chip().textContent).toBe("happy");
    expect(chip().getBoundingClientRect().bottom).toBeLessThan(top);
    expect(Math.abs(middle(chip()) - 0.4 * WIDTH)).toBeLessThan(2);
    expect(getComputedStyle(marks()).stroke).toBe("rgb(255, 200, 61)");
  });

  test("draws them on the other side of a mirrored picture", async () => {
    overlay.show([face(0.1)], scene({ mirror: true }));
    await frame();
    await frame();
    expect(Math.abs(middle(chip()) - 0.8 * WIDTH)).toBeLessThan(2);
  });

  test("eases to the face without overshooting, and then requests no more animation frames", async () => {
    overlay.show([face(0.1)], scene());
    await settled();
    overlay.show([face(0.6)], scene());
    const places: number[] = [];
    for (let i = 0; i < 4; i++) {
      await frame();
      places.push(middle(chip()));
    }
    await settled();
    const end = middle(chip());
    expect(Math.abs(end - 0.7 * WIDTH)).toBeLessThan(2);
    expect([...places, end]).toEqual([...places, end].sort((a, b) => a - b));
    expect(places[0]).toBeLessThan(0.69 * WIDTH);
    const asked = vi.spyOn(globalThis, "requestAnimationFrame");
    await settled();
    expect(asked).not.toHaveBeenCalled();
  });

  test("between answers, marks and chip move in each frame of the display, and never back", () => {
    // A clock and a display of the test's own: a busy machine draws late, and then marks arrive between two frames.
    let nowMs = 1000;
    let draw: FrameRequestCallback | null = null;
    vi.spyOn(performance, "now").mockImplementation(() => nowMs);
    vi.spyOn(globalThis, "requestAnimationFrame").mockImplementation((callback) => ((draw = callback), 1));
    const xOf = (part: Element) => Number(/translate\(([-\d.]+)px/.exec((part as HTMLElement).style.transform)![1]);
    const speeds = fc.double({ min: 3, max: 10, noNaN: true });
    const cameras = fc.integer({ min: 1, max: 3 });
    fc.assert(
      fc.property(speeds, cameras, fc.constantFrom(1, -1), fc.boolean(), (speed, every, side, mirror) => {
        overlay.clear();
        const at = (frame: number) => face(0.4 + (side * speed * (frame - 15)) / WIDTH);
        overlay.show([at(0)], scene({ mirror }));
        let before: number[] | null = null;
        for (let frame = 1; frame <= 30; frame++) {
          if (frame % every === 0) overlay.show([at(frame)], scene({ mirror }));
          nowMs += 1000 / 60;
          const callback = draw;
          draw = null;
          callback?.(nowMs);
          const places = [marks(), chip()].map(xOf);
          // Marks that start need a few frames until they keep up.
          const steps = places.map((place, part) => (mirror ? -side : side) * (place - (before?.[part] ?? place)));
          for (const step of steps) expect(step).toBeGreaterThanOrEqual(frame > 2 * every ? 1 : 0);
          before = places;
        }
      }),
      { numRuns: 40 },
    );
  });

  test("moves at once under prefers-reduced-motion", async () => {
    vi.spyOn(globalThis, "matchMedia").mockImplementation(
      (query) => Object.assign(new EventTarget(), { matches: true, media: query }) as unknown as MediaQueryList,
    );
    overlay.dispose();
    overlay = new FaceOverlay(layer);
    overlay.show([face(0.1)], scene());
    await frame();
    overlay.show([face(0.6)], scene());
    await frame();
    await frame();
    expect(Math.abs(middle(chip()) - 0.7 * WIDTH)).toBeLessThan(2);
  });

  test("draws marks but no word for an uncertain expression", async () => {
    overlay.show([face(0.3, false)], scene());
    await frame();
    await frame();
    expect(getComputedStyle(marks()).stroke).toBe("rgb(255, 255, 255)");
    expect(getComputedStyle(chip()).display).toBe("none");
  });

  test("draws marks and chip according to the style", async () => {
    const visible = (part: Element) => getComputedStyle(part).display !== "none";
    for (const [style, hasMarks, hasChip] of [
      ["full", true, true],
      ["boxes", true, true],
      ["minimal", false, true],
      ["emoji", false, true],
    ] as const) {
      overlay.show([face(0.3)], scene({ style }));
      await frame();
      expect([style, visible(marks()), visible(chip())]).toEqual([style, hasMarks, hasChip]);
    }
    overlay.show([face(0.3)], scene({ style: "none" }));
    await settled();
    expect(layer.querySelectorAll(".corners, .chip").length).toBe(0);
  });

  test("removes a face that left, and leaves nothing in the layer", async () => {
    overlay.show([face(0.1), face(0.6, true, "sad", 2)], scene());
    await frame();
    expect(layer.querySelectorAll(".chip").length).toBe(2);
    overlay.show([face(0.6, true, "sad", 2)], scene());
    await settled();
    expect([...layer.querySelectorAll(".chip")].map((part) => part.textContent)).toEqual(["sad"]);
    overlay.clear();
    expect(layer.querySelectorAll(".corners, .chip").length).toBe(0);
    overlay.dispose();
    expect(layer.childElementCount).toBe(0);
  });

  test("follows a layer that changes its size", async () => {
    overlay.show([face(0.3)], scene());
    await settled();
    host.style.width = `${WIDTH / 2}px`;
    host.style.height = `${HEIGHT / 2}px`;
    await settled();
    expect(Math.abs(middle(chip()) - 0.2 * WIDTH)).toBeLessThan(2);
  });
});

describe("privacy", () => {
  test.each(["blur", "hide"])("%s makes the layer over the picture opaque before anything is drawn", (privacy) => {
    host.setAttribute("privacy", privacy);
    expect(getComputedStyle(layer).backgroundColor).toBe("rgb(11, 15, 20)");
    const { x, y, width, height } = layer.getBoundingClientRect();
    expect([x, y, width, height]).toEqual([0, 0, WIDTH, HEIGHT]);
  });

  /** Red on the left, blue on the right. */
  const COARSE = {
    width: 2,
    height: 1,
    rgba: new Uint8ClampedArray([255, 0, 0, 255, 0, 0, 255, 255]),
  };

  test.each([
    ["cover", false, { x: -WIDTH / 2, y: 0, width: 2 * WIDTH, height: HEIGHT }],
    ["cover", true, { x: -WIDTH / 2, y: 0, width: 2 * WIDTH, height: HEIGHT }],
    ["contain", true, { x: 0, y: HEIGHT / 4, width: WIDTH, height: HEIGHT / 2 }],
  ] as const)("blur lays the coarse picture over the frame: %s, mirrored: %s", (fit, mirror, place) => {
    host.setAttribute("privacy", "blur");
    const wide = { frameWidth: 2 * WIDTH, frameHeight: HEIGHT };
    overlay.show([], scene({ ...wide, fit, mirror, coarse: COARSE, privacy: "blur" }));
    const veil = layer.querySelector("canvas")!;
    expect(veil.hidden).toBe(false);
    const { x, y, width, height } = veil.getBoundingClientRect();
    expect({ x, y, width, height }).toEqual(place);
    const { a: across } = new DOMMatrix(getComputedStyle(veil).transform);
    expect(across < 0).toBe(mirror);
    expect([...veil.getContext("2d")!.getImageData(0, 0, 2, 1).data]).toEqual([...COARSE.rgba]);
  });

  test("lays nothing over the frame without a coarse picture, nor with privacy hide or show", () => {
    const veil = layer.querySelector("canvas")!;
    overlay.show([], scene({ coarse: COARSE, privacy: "blur" }));
    for (const wishes of [
      { privacy: "blur", coarse: null },
      { privacy: "hide", coarse: COARSE },
      { privacy: "show", coarse: COARSE },
    ] as const) {
      overlay.show([], scene(wishes));
      expect(veil.hidden).toBe(true);
    }
  });
});

describe("the strip", () => {
  function addStrip(): HTMLElement {
    const strip = document.createElement("div");
    strip.className = "strip";
    host.setAttribute("state", "running");
    host.shadowRoot!.append(strip);
    return strip;
  }

  test("shows seven bars in fixed order for one face, with the top one marked", () => {
    const layer = addStrip();
    new ExpressionStrip(layer).show([face(0.3, true, "sad")], 1000, ENGLISH);
    const words = [...layer.querySelectorAll(".bar .word")].map((word) => word.textContent);
    expect(words).toEqual(["happy", "surprised", "neutral", "sad", "fearful", "disgusted", "angry"]);
    expect(layer.querySelectorAll("[data-top]").length).toBe(1);
    expect(layer.querySelector("[data-top]")!.textContent).toBe("sad");
    expect(layer.querySelector<HTMLElement>("[data-top] .level")!.style.getPropertyValue("--_level")).toBe("0.700");
  });

  test.each(["one", "two"])("shows pale bars for an uncertain expression: %s", (count) => {
    const layer = addStrip();
    const strip = new ExpressionStrip(layer);
    const others = count === "two" ? [face(0.7, true, "happy", 2)] : [];
    const opacities = () =>
      [...layer.querySelectorAll<HTMLElement>(count === "two" ? ".stack" : ".level")].map((part) => {
        part.style.transition = "none";
        return Number(getComputedStyle(part).opacity);
      });
    strip.show([face(0.3, true, "sad"), ...others], 1000, ENGLISH);
    expect(Math.min(...opacities())).toBe(1);
    strip.show([face(0.3, false, "sad"), ...others], 2000, ENGLISH);
    expect(Math.min(...opacities())).toBeLessThan(0.5);
    expect(layer.querySelector("[data-top]")).toBeNull();
    strip.show([face(0.3, true, "sad"), ...others], 3000, ENGLISH);
    expect(Math.min(...opacities())).toBe(1);
  });

  test.each([
    [1920, 1080],
    [3840, 2160],
    [1080, 1920],
    [1024, 768],
    [720, 540],
    [844, 390],
    [390, 844],
  ])("the bars are long, narrow and comparable at %i x %i", (width, height) => {
    host.style.width = `${width}px`;
    host.style.height = `${height}px`;
    const layer = addStrip();
    new ExpressionStrip(layer).show([face(0.3, true, "sad")], 1000, ENGLISH);
    const tracks = [...layer.querySelectorAll(".track")].map((track) => track.getBoundingClientRect());
    expect(tracks.length).toBe(7);
    const stands = tracks[0]!.height > tracks[0]!.width;
    const spread = (values: readonly number[]) => Math.max(...values) - Math.min(...values);
    for (const track of tracks) {
      const [long, short] = stands ? [track.height, track.width] : [track.width, track.height];
      expect(long / short).toBeGreaterThanOrEqual(3);
      expect(long).toBeGreaterThanOrEqual(0.1 * Math.min(width, height));
    }
    // One length, and one line from which all of them start.
    expect(spread(tracks.map((track) => (stands ? track.height : track.width)))).toBeLessThan(1);
    expect(spread(tracks.map((track) => (stands ? track.bottom : track.left)))).toBeLessThan(1);
  });

  test("the shares of a column lie one below the other and fill it", () => {
    const layer = addStrip();
    new ExpressionStrip(layer).show([face(0.1, true, "sad", 1), face(0.6, true, "angry", 2)], 1000, ENGLISH);
    const stack = layer.querySelector(".stack")!;
    const shares = [...stack.children].map((share) => {
      (share as HTMLElement).style.transition = "none";
      return share.getBoundingClientRect();
    });
    const { top, bottom, height } = stack.getBoundingClientRect();
    expect(Math.abs(shares[0]!.top - top)).toBeLessThan(1);
    expect(Math.abs(shares.at(-1)!.bottom - bottom)).toBeLessThan(1);
    for (const [i, share] of shares.slice(1).entries()) expect(Math.abs(share.top - shares[i]!.bottom)).toBeLessThan(1);
    expect(shares[3]!.height / height).toBeCloseTo(0.7, 1);
  });

  test("shows one column for each of several faces, in their order on screen", () => {
    const layer = addStrip();
    const strip = new ExpressionStrip(layer);
    const faces = [face(0.6, true, "sad", 1), face(0.1, true, "angry", 2), face(0.3, true, "happy", 3)];
    const words = () => [...layer.querySelectorAll(".column .word")].map((word) => word.textContent);
    strip.show(faces, 1000, ENGLISH, false);
    expect(words()).toEqual(["angry", "happy", "sad"]);
    strip.show(faces, 2000, ENGLISH, true);
    expect(words()).toEqual(["sad", "happy", "angry"]);
    strip.show(faces.slice(0, 2), 3000, ENGLISH, true);
    expect(words()).toEqual(["sad", "angry"]);
  });

  test("draws the last minute, and forgets it", () => {
    const layer = addStrip();
    const strip = new ExpressionStrip(layer);
    for (let timeMs = 0; timeMs < 20_000; timeMs += 33) strip.show([face(0.3)], timeMs, ENGLISH);
    const ribbon = layer.querySelector<HTMLElement>(".ribbon")!;
    expect(getComputedStyle(ribbon).backgroundImage).toContain("rgb(255, 200, 61)");
    strip.clear();
    expect(getComputedStyle(ribbon).backgroundImage).toBe("none");
  });
});
