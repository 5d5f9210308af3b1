import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { EmotionCamErrorCode } from "../../src/errors.ts";
import { Session, type SessionHost, type SessionWish } from "../../src/session.ts";
import type { FrameOptions } from "../../src/types.ts";
import { MadeClient, MadeRoom, failure, settle, until } from "./made-sources.ts";

const CAMERA: SessionWish = {
  ...{ srcObject: null, src: "", camera: "", demoSrc: "" },
  cameraSize: { width: 640, height: 480 },
};
const WITH_DEMO: SessionWish = { ...CAMERA, demoSrc: "demo.webm" };

let room: MadeRoom;
let client: MadeClient;
let log: string[];
let fails: { code: string; retryInMs: number; isDemo: boolean }[];
let answers: { source: number; demo: number };
let session: Session;

beforeEach(() => {
  room = new MadeRoom();
  client = new MadeClient();
  log = room.log;
  fails = [];
  answers = { source: 0, demo: 0 };
});

afterEach(async () => {
  session.end();
  await session.done;
  expect(room.open.size, "sources that are shown after the end").toBe(0);
  expect(room.lights, "cameras that are on after the end").toBe(0);
  expect(room.frameCount, "frames that were not closed").toBe(0);
});

const host = (own: Partial<SessionHost> = {}): SessionHost => ({
  stage: () => ({}) as ReturnType<SessionHost["stage"]>,
  loadEngine: () => client,
  maxFps: () => Infinity,
  turn: () => 0,
  frameOptions: () => ({}) as FrameOptions,
  onOpen: (_, isDemo) => void log.push(isDemo ? "demo opens" : "source opens"),
  onClose: () => {},
  onResult: (_result, _presented, isDemo) => void answers[isDemo ? "demo" : "source"]++,
  onFail: ({ code }, retryInMs, isDemo) => void fails.push({ code, retryInMs, isDemo }),
  ...own,
});

function follow(wish: SessionWish, own: Partial<SessionHost> = {}, before: Promise<unknown> = Promise.resolve()): void {
  session = new Session(wish, host(own), before, room);
}

/** Let the next tries at something fail with these codes, one after the other; later ones succeed. */
function refuse(what: string, ...codes: EmotionCamErrorCode[]): void {
  room.order = (asked) => {
    const code = asked === what ? codes.shift() : undefined;
    if (code !== undefined) throw failure(code);
  };
}

/** Let every try at something fail. */
function refuseAlways(what: string, code: EmotionCamErrorCode): void {
  room.order = (asked) => {
    if (asked === what) throw failure(code);
  };
}

describe("a source", () => {
  test("is followed until the end, and closed then", async () => {
    follow(CAMERA);
    await until(() => answers.source >= 5);
    expect(room.lights).toBe(1);
    session.end();
    await session.done;
    expect(log).toEqual(["show camera", "source opens", "close camera"]);
    expect(fails).toEqual([]);
  });

  test("that is a file leaves the camera alone", async () => {
    room.order = (what) => log.push(`asked for ${what}`);
    follow({ ...WITH_DEMO, src: "clip.mp4" });
    await until(() => answers.source >= 2);
    expect(log).toEqual(["asked for clip.mp4", "show clip.mp4", "source opens"]);
  });

  test("that is the page's own comes before the file and the camera", async () => {
    const srcObject = { id: "call" } as MediaStream;
    follow({ ...WITH_DEMO, src: "clip.mp4", srcObject });
    await until(() => answers.source >= 2);
    expect(log).toEqual(["show call", "source opens"]);
    expect(room.lights).toBe(0);
  });

  test("is sent with its turn, and the demo with its own", async () => {
    refuse("camera", "camera-missing");
    follow(WITH_DEMO, { turn: (isDemo) => (isDemo ? 0 : 270) });
    await until(() => answers.demo >= 1);
    expect(client.rotation).toBe(0);
    room.waits[0]!.end();
    await until(() => answers.source >= 1);
    expect(client.rotation).toBe(270);
  });

  test("is asked for five frames a second while nobody is there and nothing moves, and never for more than wished", async () => {
    let maxFps = 25;
    follow(CAMERA, { maxFps: () => maxFps });
    await until(() => answers.source > 1);
    expect(room.maxFps).toBe(25);
    client.isQuiet = true;
    await until(() => room.maxFps === 5);
    maxFps = 4;
    await until(() => room.maxFps === 4);
    maxFps = 25;
    client.isQuiet = false;
    await until(() => room.maxFps === 25);
  });

  test("is not opened before the session before has ended", async () => {
    let end = () => {};
    follow(CAMERA, {}, new Promise<void>((resolve) => (end = resolve)));
    await settle();
    expect(log).toEqual([]);
    end();
    await until(() => answers.source >= 1);
  });

  test("that comes after the end is turned off at once", async () => {
    let grant = () => {};
    room.order = () => new Promise<void>((resolve) => (grant = resolve));
    follow(CAMERA);
    await settle();
    session.end();
    grant();
    await session.done;
    expect(log).toEqual([]);
    expect(room.lights).toBe(0);
  });

  test("reports nothing after the end", async () => {
    let answer = () => {};
    client.order = () => new Promise<void>((resolve) => (answer = resolve));
    follow(CAMERA);
    await until(() => log.includes("source opens"));
    await settle();
    session.end();
    answer();
    await session.done;
    expect(answers.source).toBe(0);
    expect(fails).toEqual([]);
  });
});

describe("after a failure", () => {
  test("the source is opened again, with longer and longer waits", async () => {
    refuse("camera", "camera-missing", "camera-busy", "camera-missing");
    follow(CAMERA);
    for (let i = 0; i < 3; i++) await room.retry();
    await until(() => answers.source >= 1);
    expect(fails.map(({ code, retryInMs }) => [code, retryInMs])).toEqual([
      ["camera-missing", 1000],
      ["camera-busy", 2000],
      ["camera-missing", 4000],
    ]);
    expect(room.waits.map(({ delayMs }) => delayMs)).toEqual([1000, 2000, 4000]);
  });

  test("that only a person can help there is no time limit, and a cure helps", async () => {
    refuse("camera", "camera-denied");
    follow(WITH_DEMO);
    await until(() => room.waits.length === 1);
    expect(room.waits[0]).toMatchObject({ code: "camera-denied", delayMs: Infinity });
    expect(log).toEqual([]);
    await room.retry();
    await until(() => answers.source >= 1);
  });

  test("of a running camera it is closed and opened again", async () => {
    follow(CAMERA);
    await until(() => answers.source >= 2);
    room.shown!.lose("camera-lost");
    await until(() => room.waits.length === 1);
    expect(room.lights).toBe(0);
    await room.retry();
    const { source } = answers;
    await until(() => answers.source > source);
    expect(log).toEqual(["show camera", "source opens", "close camera", "show camera", "source opens"]);
  });

  test("that is unknown it reports a crash with the cause, and goes on", async () => {
    const cause = new TypeError("as the test wants");
    let thrown: unknown;
    client.order = () => {
      client.order = () => {};
      throw cause;
    };
    follow(CAMERA, { onFail: (error) => (thrown = error) });
    await room.retry();
    await until(() => answers.source >= 1);
    expect(thrown).toMatchObject({ code: "worker-crash", cause });
  });

  test("the host may end the session: no wait, no demo", async () => {
    refuse("camera", "camera-missing");
    follow(WITH_DEMO, { onFail: () => session.end() });
    await session.done;
    expect(log).toEqual([]);
    expect(room.waits).toEqual([]);
  });
});

describe("a worker", () => {
  test("that starts again keeps the camera on", async () => {
    follow(CAMERA);
    await until(() => answers.source >= 1);
    let ready = () => {};
    client.order = () => {
      client.order = () => {};
      client.ready = new Promise((resolve) => (ready = () => resolve({} as never)));
      throw failure("worker-crash");
    };
    await settle();
    const { source } = answers;
    await settle();
    expect(answers.source).toBe(source);
    expect(log).toEqual(["show camera", "source opens"]);
    ready();
    await until(() => answers.source > source);
    // The engine reports its own failures.
    expect(fails).toEqual([]);
  });

  test("that does not start again ends the try", async () => {
    client.ready = Promise.reject(failure("unsupported-browser"));
    follow(CAMERA);
    await until(() => fails.length === 1);
    expect(fails[0]).toEqual({ code: "unsupported-browser", retryInMs: Infinity, isDemo: false });
    expect(room.open.size).toBe(0);
  });

  test("that the browser cannot run is a failure", async () => {
    const loadEngine = () => {
      throw failure("unsupported-browser");
    };
    follow(CAMERA, { loadEngine });
    await until(() => fails.length === 1);
    expect(fails[0]!.code).toBe("unsupported-browser");
    expect(log).toEqual([]);
  });
});

describe("a snapshot", () => {
  test("is the next frame with its result", async () => {
    follow(CAMERA);
    await until(() => answers.source >= 1);
    const first = session.snapshot();
    expect(session.snapshot()).toBe(first);
    const { image, faces, timeMs } = await first;
    expect(timeMs).toBeGreaterThan(33);
    expect(faces).toEqual([]);
    expect(room.copies).toBe(1);
    image.close();
    const { source } = answers;
    await until(() => answers.source > source + 2);
    expect(room.copies, "copies of frames that nobody asked for").toBe(0);
  });

  test("of a frame that was not answered waits for the next", async () => {
    follow(CAMERA);
    await until(() => answers.source >= 1);
    client.order = () => {
      client.order = () => {};
      throw failure("worker-crash");
    };
    (await session.snapshot()).image.close();
    expect(room.copies).toBe(0);
  });

  test("that cannot be taken fails alone", async () => {
    follow(CAMERA);
    await until(() => answers.source >= 1);
    room.order = (what) => {
      if (what === "copy") throw new DOMException("made by the test", "InvalidStateError");
    };
    await expect(session.snapshot()).rejects.toMatchObject({ name: "InvalidStateError" });
    const { source } = answers;
    await until(() => answers.source > source);
    expect(fails).toEqual([]);
  });

  test("ends with the session", async () => {
    refuseAlways("camera", "camera-missing");
    follow(CAMERA);
    const taken = session.snapshot();
    session.end();
    await expect(taken).rejects.toMatchObject({ name: "AbortError" });
    await expect(session.snapshot()).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("the demo", () => {
  test.each<[EmotionCamErrorCode, number]>([
    ["camera-missing", 1],
    ["camera-busy", 2],
    ["camera-lost", 2],
    ["camera-stalled", 2],
  ])("begins with %s, number %i in a row", async (code, failures) => {
    refuseAlways("camera", code);
    follow(WITH_DEMO);
    for (let failed = 1; failed < failures; failed++) {
      await until(() => fails.length === failed);
      await settle();
      expect(log).toEqual([]);
      await room.retry();
    }
    await until(() => answers.demo >= 1);
    expect(fails.length).toBe(failures);
    expect(log).toEqual(["show demo.webm", "demo opens"]);
  });

  test.each<[string, EmotionCamErrorCode, SessionWish]>([
    ["after a refusal", "camera-denied", WITH_DEMO],
    ["on an insecure page", "insecure-context", WITH_DEMO],
    ["where there is none", "camera-missing", CAMERA],
  ])("does not begin %s", async (_, code, wish) => {
    refuseAlways("camera", code);
    follow(wish);
    await until(() => fails.length === 1);
    await settle();
    expect(log).toEqual([]);
  });

  test("plays while the camera is tried, and ends before the camera is shown", async () => {
    refuse("camera", "camera-missing", "camera-missing", "camera-missing");
    follow(WITH_DEMO);
    for (let i = 0; i < 2; i++) {
      await until(() => room.waits.length === i + 1);
      room.waits[i]!.end();
    }
    await until(() => fails.length === 3 && answers.demo >= 3);
    room.waits[2]!.end();
    await until(() => answers.source >= 2);
    const { demo } = answers;
    await settle();
    expect(answers.demo).toBe(demo);
    expect(log).toEqual(["show demo.webm", "demo opens", "close demo.webm", "show camera", "source opens"]);
  });

  test("that fails is reported as the demo, and tried again", async () => {
    const refused = ["source-load"] as EmotionCamErrorCode[];
    room.order = (what) => {
      const code = what === "camera" ? "camera-missing" : refused.shift();
      if (code !== undefined) throw failure(code as EmotionCamErrorCode);
    };
    follow(WITH_DEMO);
    await until(() => room.waits.length === 2);
    expect(fails).toContainEqual({ code: "source-load", retryInMs: 5000, isDemo: true });
    room.waits.find(({ code }) => code === "source-load")!.end();
    await until(() => answers.demo >= 1);
  });

  test("ends with the session", async () => {
    refuseAlways("camera", "camera-missing");
    follow(WITH_DEMO);
    await until(() => answers.demo >= 1);
    session.end();
    const { demo } = answers;
    await session.done;
    expect(answers.demo).toBe(demo);
    expect(room.open.size).toBe(0);
  });
});

/** The events of a session; each does nothing where it cannot happen. */
const HAPPENINGS = ["retry", "lose", "worker", "pass"] as const;

test("whatever happens, one source is shown at a time, and none after the end", async () => {
  const tries = fc.array(fc.constantFrom(null, "camera-missing", "camera-busy", "camera-lost", "source-load"), {
    maxLength: 8,
  });
  const happenings = fc.array(fc.constantFrom(...HAPPENINGS), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(tries, happenings, async (codes, steps) => {
      room = new MadeRoom();
      client = new MadeClient();
      log = room.log;
      let most = 0;
      room.order = () => {
        const code = codes.shift();
        if (code != null) throw failure(code as EmotionCamErrorCode);
      };
      follow(WITH_DEMO, { onOpen: () => (most = Math.max(most, room.open.size)) });
      for (const step of steps) {
        if (step === "retry") for (const { end } of room.waits) end();
        if (step === "lose") room.shown?.lose("camera-lost");
        if (step === "worker") {
          client.order = () => {
            client.order = () => {};
            throw failure("worker-crash");
          };
        }
        await settle();
      }
      expect(most).toBeLessThanOrEqual(1);
      session.end();
      await session.done;
      expect([room.open.size, room.lights, room.frameCount]).toEqual([0, 0, 0]);
    }),
    { numRuns: 150 },
  );
});
