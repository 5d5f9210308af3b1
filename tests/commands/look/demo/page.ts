/** The page that `npm run demo` drives: reads the figures, and draws the clip's frames. */
import { loadEngine } from "../../../../src/runtime/load-engine.ts";
import { ASTRONAUT, type Figure, PLATES } from "../../../fixtures/figures.ts";
import { FRAME, MIDDLE, PAPER, type Shown, Watcher, drawFigure } from "../../../fixtures/watch-figures.ts";

declare global {
  interface Window {
    demo: {
      open(): Promise<void>;
      read(id: string): Promise<readonly Shown[]>;
      frames(stops: readonly Stop[], timesS: readonly number[]): Promise<readonly string[]>;
    };
  }
}

/** A figure, and the time at which the camera rests on it. */
export interface Stop {
  readonly figure: string;
  readonly fromS: number;
  readonly toS: number;
}

/** The camera: the place on the wall that it looks at, and how much larger than usual it shows it. */
interface View {
  readonly x: number;
  readonly zoom: number;
}

/** Width of a face before the camera comes closer, pixels. */
const FACE_PX = 150;
/** The camera comes closer by this share while it rests. */
const CLOSER = 0.08;
/** Least distance of two photographs, and of two faces: the frame shows one face at a time. */
const GAP_PX = 60;
const LEAST_STEP_PX = 480;
/** Size and line height of the caption's text, and the height of its middle: above the strip on every screen. */
const CAPTION = { textPx: 11.5, linePx: 14, y: 296 };

const FONT = "Atkinson Hyperlegible";
const FIGURES: readonly Figure[] = [...PLATES, ASTRONAUT];

let watcher: Watcher;
const pictures = new Map<string, ImageBitmap>();

window.demo = {
  async open() {
    watcher = new Watcher(await loadEngine({ assetBase: location.origin, engine: "int8", model: "edge" }, () => {}));
    for (const name of new Set(FIGURES.map(({ picture }) => picture))) {
      pictures.set(name, await createImageBitmap(await (await fetch(`/fixtures/${name}`)).blob()));
    }
    const font = new FontFace(FONT, "url(/fonts/atkinson-hyperlegible-latin-400-normal.woff2)");
    document.fonts.add(await font.load());
  },
  read: (id) => watcher.read(pictureOf(figureOf(id)), figureOf(id)),
  async frames(stops, timesS) {
    const context = new OffscreenCanvas(FRAME.width, FRAME.height).getContext("2d")!;
    const frames: string[] = [];
    for (const timeS of timesS) {
      drawWall(context, stops, timeS);
      const bytes = new Uint8Array(
        await (await context.canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 })).arrayBuffer(),
      );
      frames.push(toBase64(bytes));
    }
    return frames;
  },
};

function figureOf(id: string): Figure {
  const figure = FIGURES.find((one) => one.id === id);
  if (figure === undefined) throw new Error(`There is no figure ${id}.`);
  return figure;
}

function pictureOf({ picture }: Figure): ImageBitmap {
  return pictures.get(picture)!;
}

function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

/** @returns The distance from one face's middle on the wall to the next one's, pixels. */
function stepBetween(one: Figure, next: Figure): number {
  const right = (one.photo.x + one.photo.width - one.face.x - one.face.width / 2) * (FACE_PX / one.face.width);
  const left = (next.face.x + next.face.width / 2 - next.photo.x) * (FACE_PX / next.face.width);
  return Math.max(LEAST_STEP_PX, right + left + GAP_PX);
}

/** @returns The faces' places on the wall. After the last figure the first one hangs again, so that the clip loops. */
function placesOf(figures: readonly Figure[]): readonly number[] {
  const places = [0];
  for (const [i, figure] of figures.slice(1).entries()) places.push(places[i]! + stepBetween(figures[i]!, figure));
  return places;
}

/** Rest on each stop, and glide from one to the next. */
function viewAt(stops: readonly Stop[], places: readonly number[], timeS: number): View {
  const i = Math.max(
    0,
    stops.findLastIndex(({ fromS }) => fromS <= timeS),
  );
  const { fromS, toS } = stops[i]!;
  const rest = Math.min(1, (timeS - fromS) / (toS - fromS));
  const next = stops[i + 1];
  if (next === undefined || timeS <= toS) return { x: places[i]!, zoom: 1 + CLOSER * ease(rest) };
  const way = ease((timeS - toS) / (next.fromS - toS));
  return { x: places[i]! + (places[i + 1]! - places[i]!) * way, zoom: 1 + CLOSER * (1 - way) };
}

function ease(share: number): number {
  return (1 - Math.cos(Math.PI * share)) / 2;
}

/** A figure as it hangs on the wall, at its largest size. Scaling a plate for each frame would take most of the time. */
interface Sheet {
  readonly sheet: OffscreenCanvas;
  /** Place of the face's middle on the sheet, pixels. */
  readonly middle: { readonly x: number; readonly y: number };
}

const sheets = new Map<string, Sheet>();

function sheetOf(figure: Figure): Sheet {
  const made = sheets.get(figure.id);
  if (made !== undefined) return made;
  const { photo, face, id } = figure;
  const facePx = FACE_PX * (1 + CLOSER);
  const scale = facePx / face.width;
  const sheet = new OffscreenCanvas(Math.round(photo.width * scale), Math.round(photo.height * scale));
  const context = sheet.getContext("2d")!;
  context.fillStyle = PAPER;
  context.fillRect(0, 0, sheet.width, sheet.height);
  const middle = {
    x: (face.x + face.width / 2 - photo.x) * scale,
    y: (face.y + face.height / 2 - photo.y) * scale,
  };
  drawFigure(context, pictureOf(figure), figure, middle, facePx);
  sheets.set(id, { sheet, middle });
  return { sheet, middle };
}

function drawWall(context: OffscreenCanvasRenderingContext2D, stops: readonly Stop[], timeS: number): void {
  const figures = stops.map(({ figure }) => figureOf(figure));
  const places = placesOf(figures);
  const view = viewAt(stops, places, timeS);
  context.resetTransform();
  context.fillStyle = PAPER;
  context.fillRect(0, 0, FRAME.width, FRAME.height);
  for (const [i, figure] of figures.entries()) {
    const x = MIDDLE.x + (places[i]! - view.x) * view.zoom;
    const { sheet, middle } = sheetOf(figure);
    const scale = view.zoom / (1 + CLOSER);
    const left = x - middle.x * scale;
    if (left > FRAME.width || left + sheet.width * scale < 0) continue;
    context.drawImage(sheet, left, MIDDLE.y - middle.y * scale, sheet.width * scale, sheet.height * scale);
    drawCaption(context, figure, x);
  }
}

/** Write where a picture comes from on a paper label below the face, which stays clear of the strip and the chips. */
function drawCaption(context: OffscreenCanvasRenderingContext2D, { caption }: Figure, x: number): void {
  context.font = `${CAPTION.textPx}px "${FONT}"`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const width = Math.max(...caption.map((line) => context.measureText(line).width)) + 12;
  context.fillStyle = "#f4f1ea";
  context.beginPath();
  context.roundRect(x - width / 2, CAPTION.y - CAPTION.linePx - 3, width, 2 * CAPTION.linePx + 6, 4);
  context.fill();
  context.fillStyle = "#10151b";
  for (const [i, line] of caption.entries()) context.fillText(line, x, CAPTION.y + CAPTION.linePx * (i - 0.5));
}
