/** Moving pictures without a face, to count false faces. Run in the page. */
import type { Random } from "../../seeded.ts";
import { type Background, HEIGHT, WIDTH, room } from "./scenes.ts";

/**
 * @param kind Index of the kind in `FACELESS`, from 0.
 * @param scene Any number below a million.
 * @returns A seed that no other scene has.
 */
export function facelessSeed(kind: number, scene: number): number {
  return 1_000_000 * kind + scene;
}

/** By name. */
export const FACELESS: Readonly<Record<string, (random: Random) => Background>> = {
  noise: blobs,
  textures: stripes,
  text: letters,
  shapes,
  hands,
  "fake camera": fakeCamera,
};

/** Soft discs that drift. */
function blobs(random: Random): Background {
  const dots = Array.from({ length: 90 }, () => ({
    x: random(),
    y: random(),
    radius: 6 + 90 * random() ** 2,
    hue: 360 * random(),
    light: 10 + 80 * random(),
    speed: 0.2 * random() - 0.1,
  }));
  return (context, seconds) => {
    context.fillStyle = "#666";
    context.fillRect(0, 0, WIDTH, HEIGHT);
    for (const { x, y, radius, hue, light, speed } of dots) {
      const at = ((((x + speed * seconds) % 1) + 1) % 1) * WIDTH;
      const glow = context.createRadialGradient(at, y * HEIGHT, 0, at, y * HEIGHT, radius);
      glow.addColorStop(0, `hsl(${hue} 40% ${light}% / 0.9)`);
      glow.addColorStop(1, `hsl(${hue} 40% ${light}% / 0)`);
      context.fillStyle = glow;
      context.fillRect(at - radius, y * HEIGHT - radius, 2 * radius, 2 * radius);
    }
  };
}

/** Checked and striped cloth that sways. */
function stripes(random: Random): Background {
  const cloths = Array.from({ length: 6 }, () => ({
    hue: 360 * random(),
    pitch: 6 + 40 * random(),
    turn: Math.PI * random(),
    sway: random(),
    checked: random() < 0.6,
  }));
  return (context, seconds) => {
    cloths.forEach(({ hue, pitch, turn, sway, checked }, index) => {
      context.save();
      context.beginPath();
      context.rect((index % 3) * (WIDTH / 3), index < 3 ? 0 : HEIGHT / 2, WIDTH / 3, HEIGHT / 2);
      context.clip();
      context.fillStyle = `hsl(${hue} 30% 75%)`;
      context.fillRect(0, 0, WIDTH, HEIGHT);
      context.translate(WIDTH / 2 + 20 * Math.sin(seconds * (1 + sway)), HEIGHT / 2);
      for (const angle of checked ? [turn, turn + Math.PI / 2] : [turn]) {
        context.save();
        context.rotate(angle + 0.1 * Math.sin(seconds * (0.5 + sway)));
        context.fillStyle = `hsl(${hue + 120} 45% 30% / 0.5)`;
        for (let x = -WIDTH; x < WIDTH; x += pitch) context.fillRect(x, -WIDTH, pitch / 2, 2 * WIDTH);
        context.restore();
      }
      context.restore();
    });
  };
}

/** A scrolling page of letters of many sizes. */
function letters(random: Random): Background {
  const lines = Array.from({ length: 30 }, () => ({
    text: Array.from({ length: 60 }, () => String.fromCharCode(33 + Math.floor(93 * random()))).join(""),
    size: 10 + 50 * random() ** 2,
    indent: 60 * random(),
    ink: `hsl(${360 * random()} 50% ${10 + 40 * random()}%)`,
  }));
  const pageHeight = lines.reduce((sum, line) => sum + 1.3 * line.size, 0);
  return (context, seconds) => {
    context.fillStyle = "#e8e4da";
    context.fillRect(0, 0, WIDTH, HEIGHT);
    let y = -((40 * seconds) % pageHeight);
    while (y < HEIGHT) {
      for (const { text, size, indent, ink } of lines) {
        context.font = `${size}px sans-serif`;
        context.fillStyle = ink;
        context.fillText(text, indent, (y += 1.3 * size));
      }
    }
  };
}

/** Boxes and discs that move, some in skin colours, some with two dots, as sockets and buttons have. */
function shapes(random: Random): Background {
  const things = Array.from({ length: 24 }, () => ({
    x: random(),
    y: random(),
    speedX: 0.3 * random() - 0.15,
    speedY: 0.2 * random() - 0.1,
    size: 20 + 110 * random(),
    color: random() < 0.5 ? `hsl(${15 + 20 * random()} 45% ${35 + 40 * random()}%)` : `hsl(${360 * random()} 50% 50%)`,
    kind: Math.floor(4 * random()),
  }));
  const back = room(random);
  return (context, seconds) => {
    back(context, seconds);
    for (const { x, y, speedX, speedY, size, color, kind } of things) {
      const atX = ((((x + speedX * seconds) % 1) + 1) % 1) * WIDTH;
      const atY = ((((y + speedY * seconds) % 1) + 1) % 1) * HEIGHT;
      context.fillStyle = color;
      context.beginPath();
      if (kind === 0) context.rect(atX - size / 2, atY - size / 2, size, size);
      else context.ellipse(atX, atY, size / 2, (kind === 1 ? 0.65 : 0.5) * size, 0, 0, 2 * Math.PI);
      context.fill();
      if (kind !== 3) continue;
      context.fillStyle = "#222";
      for (const side of [-1, 1]) {
        context.beginPath();
        context.arc(atX + (side * size) / 5, atY, size / 14, 0, 2 * Math.PI);
        context.fill();
      }
    }
  };
}

/** Open hands that wave: a palm, four fingers and a thumb, with creases. */
function hands(random: Random): Background {
  const waving = Array.from({ length: 5 }, () => ({
    x: WIDTH * (0.1 + 0.8 * random()),
    y: HEIGHT * (0.2 + 0.6 * random()),
    size: 40 + 120 * random(),
    hue: 15 + 15 * random(),
    light: 35 + 40 * random(),
    pace: 1 + 3 * random(),
  }));
  const back = room(random);
  return (context, seconds) => {
    back(context, seconds);
    for (const { x, y, size, hue, light, pace } of waving) {
      context.save();
      context.translate(x + 40 * Math.sin(pace * seconds), y);
      context.rotate(0.4 * Math.sin(pace * seconds + 1));
      context.fillStyle = `hsl(${hue} 45% ${light}%)`;
      context.strokeStyle = `hsl(${hue} 45% ${light - 15}%)`;
      context.lineWidth = size / 40;
      context.beginPath();
      context.ellipse(0, 0, 0.3 * size, 0.35 * size, 0, 0, 2 * Math.PI);
      context.fill();
      for (let finger = 0; finger < 5; finger++) {
        const turn = finger < 4 ? -0.4 + 0.27 * finger : 1.2;
        context.save();
        context.rotate(turn);
        context.beginPath();
        context.roundRect(-0.06 * size, -0.8 * size, 0.12 * size, 0.6 * size, 0.06 * size);
        context.fill();
        context.stroke();
        context.restore();
      }
      for (const crease of [-0.1, 0.05]) {
        context.beginPath();
        context.arc(0, crease * size, 0.2 * size, 0.2, 2.6);
        context.stroke();
      }
      context.restore();
    }
  };
}

/** Chromium's fake camera: green, with a disc that disappears and the time. */
function fakeCamera(): Background {
  return (context, seconds) => {
    context.fillStyle = "#00a000";
    context.fillRect(0, 0, WIDTH, HEIGHT);
    context.fillStyle = "#a0a0a0";
    context.beginPath();
    context.moveTo(WIDTH / 2, HEIGHT / 2);
    context.arc(WIDTH / 2, HEIGHT / 2, 40, 0, 2 * Math.PI * (seconds % 1));
    context.fill();
    context.fillStyle = "black";
    context.font = "24px monospace";
    context.fillText(seconds.toFixed(3), 20 + ((60 * seconds) % 400), 60);
  };
}
