/** The faults. Each is made, lasts for a while and is removed. The exhibit has to recover. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Route } from "playwright";
import type { Exhibit } from "./exhibit.ts";

type Random = (below: number) => number;

/** One kind of fault. */
export interface Fault {
  readonly name: string;
  /** Make the fault, let it last, and remove it. Resolves when only its consequences are left. */
  run(exhibit: Exhibit, random: Random): Promise<void>;
}

const MODELS = /\/models\//;
const WEIGHTS = /\/models\/.*\.(ec8|bin|tflite)$/;
const CODE = /\/(models|wasm)\//;
const PAGE = "<!doctype html><title>Not here</title>";

/** @returns A random number between two bounds, both included. */
const between = (random: Random, least: number, most: number) => least + random(most - least + 1);

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // The process ended meanwhile.
    }
  }
}

const CAPTURE = "video_capture.mojom";

/** Send a frame without a picture. The worker throws, and its client starts another one. */
async function breakWorker({ page }: Exhibit): Promise<void> {
  await page.evaluate(() => window.soak.workers[0]?.deref()?.postMessage({ type: "frame", frame: null }));
}

/** Restart the worker while some files get another answer than the server's. */
async function whileFiles(
  exhibit: Exhibit,
  random: Random,
  files: RegExp,
  answer: (route: Route) => Promise<void>,
): Promise<void> {
  let isOver = false;
  const handle = (route: Route) =>
    answer(route).catch((error: unknown) => {
      // A file that is on its way when the fault ends has got its answer elsewhere.
      if (!isOver) throw error;
    });
  await exhibit.context.route(files, handle);
  await breakWorker(exhibit);
  await sleep(between(random, 2000, 6000));
  isOver = true;
  await exhibit.context.unroute(files, handle);
}

/** Change an attribute for a while. */
async function changeAttribute(exhibit: Exhibit, name: string, value: string, forMs: number): Promise<void> {
  const before = await exhibit.page.evaluate(
    ([name, value]) => {
      const element = document.querySelector("emotion-cam")!;
      const before = element.getAttribute(name);
      element.setAttribute(name, value);
      return before;
    },
    [name, value] as const,
  );
  await sleep(forMs);
  await exhibit.page.evaluate(
    ([name, before]) => {
      const element = document.querySelector("emotion-cam")!;
      if (before === null) element.removeAttribute(name);
      else element.setAttribute(name, before);
    },
    [name, before] as const,
  );
}

const LOOKS = [
  ["overlay", ["boxes", "minimal", "emoji", "none"]],
  ["privacy", ["blur", "hide"]],
  ["theme", ["light", "contrast"]],
  ["lang", ["de", "fr", "ja", "xx"]],
  ["max-faces", ["1", "32", "nonsense"]],
  ["range", ["near"]],
  ["mirror", ["false"]],
] as const;

const SIZES = [
  { width: 320, height: 240 },
  { width: 480, height: 640 },
  { width: 160, height: 120 },
  { width: 640, height: 480 },
] as const;

export const FAULTS: readonly Fault[] = [
  {
    name: "camera unplugged and at once plugged in again (the capturing process killed)",
    run: async (exhibit) => signal(exhibit.processes(CAPTURE), "SIGKILL"),
  },
  {
    name: "camera silent for 6 to 10 s (the capturing process frozen)",
    async run(exhibit, random) {
      const pids = exhibit.processes(CAPTURE);
      signal(pids, "SIGSTOP");
      await sleep(between(random, 6000, 10_000));
      signal(pids, "SIGCONT");
    },
  },
  {
    name: "camera gone for 9 to 12 s, and plugged in again",
    async run(exhibit, random) {
      exhibit.withholdCamera(true);
      signal(exhibit.processes(CAPTURE), "SIGKILL");
      await sleep(between(random, 9000, 12_000));
      exhibit.withholdCamera(false);
    },
  },
  {
    name: "permission taken away for 8 to 12 s",
    async run(exhibit, random) {
      await exhibit.allowCamera(false);
      await sleep(between(random, 8000, 12_000));
      await exhibit.allowCamera(true);
    },
  },
  {
    name: "the camera's picture changes its size",
    async run({ page }, random) {
      await page.evaluate(async (size) => {
        const stream = document.querySelector("emotion-cam")?.shadowRoot?.querySelector("video")?.srcObject;
        if (stream instanceof MediaStream)
          await stream
            .getVideoTracks()[0]
            ?.applyConstraints(size)
            .catch(() => {});
      }, SIZES[random(SIZES.length)]!);
    },
  },
  {
    name: "worker terminated",
    run: ({ page }) => page.evaluate(() => window.soak.workers[0]?.deref()?.terminate()),
  },
  { name: "worker throws", run: breakWorker },
  {
    name: "worker in an endless loop",
    async run({ worker }) {
      await worker
        ?.evaluate(() => {
          // The next frame's work starts with this call.
          performance.now = () => {
            for (;;);
          };
        })
        .catch(() => {});
    },
  },
  {
    name: "WebAssembly traps",
    async run({ worker }) {
      // It traps on a frame that the detector looks at: until then frames are answered from the tracks.
      const gone = new Promise((resolve) => worker?.once("close", resolve));
      await worker
        ?.evaluate(() => {
          // A module with one function, whose body is `unreachable`.
          const bytes = [
            0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 5, 1, 3, 0, 0, 11,
          ];
          const trap = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes))).exports[
            "f"
          ] as () => void;
          (globalThis as unknown as { _tfengine: { runKernel: () => void } })._tfengine.runKernel = () => trap();
        })
        .catch(() => {});
      await gone;
    },
  },
  {
    name: "worker starts while the networks answer 404",
    run: (exhibit, random) =>
      whileFiles(exhibit, random, MODELS, (route) => route.fulfill({ status: 404, body: "no" })),
  },
  {
    name: "worker starts while the networks answer with a page",
    run: (exhibit, random) =>
      whileFiles(exhibit, random, MODELS, (route) => route.fulfill({ contentType: "text/html", body: PAGE })),
  },
  {
    name: "worker starts while the networks come damaged",
    run: (exhibit, random) => {
      const offset = random(1000);
      return whileFiles(exhibit, random, WEIGHTS, async (route) => {
        const response = await route.fetch();
        const body = await response.body();
        body[offset]! ^= 1;
        await route.fulfill({ response, body });
      });
    },
  },
  {
    name: "worker starts while WebAssembly answers with a page",
    run: (exhibit, random) =>
      whileFiles(exhibit, random, /\/wasm\//, (route) => route.fulfill({ contentType: "text/html", body: PAGE })),
  },
  {
    name: "worker starts without a network",
    run: (exhibit, random) => whileFiles(exhibit, random, CODE, (route) => route.abort("connectionrefused")),
  },
  {
    name: "worker starts while the server is gone",
    async run(exhibit, random) {
      await exhibit.stopServer();
      await breakWorker(exhibit);
      await sleep(between(random, 2000, 8000));
      await exhibit.startServer();
    },
  },
  {
    name: "the browser's network process killed, then the worker throws",
    async run(exhibit) {
      signal(exhibit.processes("network.mojom"), "SIGKILL");
      await breakWorker(exhibit);
    },
  },
  {
    name: "the page's process frozen for 4 to 8 s, as when a machine sleeps",
    async run(exhibit, random) {
      const pids = exhibit.processes("--type=renderer");
      signal(pids, "SIGSTOP");
      await sleep(between(random, 4000, 8000));
      signal(pids, "SIGCONT");
    },
  },
  {
    name: "page hidden for 2 to 6 s",
    async run({ page }, random) {
      // Headless pages are never hidden, so this pretends it.
      await page.evaluate(() => {
        Object.defineProperty(document, "hidden", { configurable: true, value: true });
        document.dispatchEvent(new Event("visibilitychange"));
      });
      await sleep(between(random, 2000, 6000));
      await page.evaluate(() => {
        Reflect.deleteProperty(document, "hidden");
        document.dispatchEvent(new Event("visibilitychange"));
      });
    },
  },
  {
    name: "element moved in the page",
    run: ({ page }) => page.evaluate(() => document.body.append(document.querySelector("emotion-cam")!)),
  },
  {
    name: "element taken out for 0 to 500 ms, and put back",
    async run({ page }, random) {
      await page.evaluate(
        (forMs) =>
          new Promise<void>((resolve) => {
            const element = document.querySelector("emotion-cam")!;
            element.remove();
            setTimeout(() => {
              document.body.append(element);
              resolve();
            }, forMs);
          }),
        random(500),
      );
    },
  },
  {
    name: "stopped and started five times at once",
    run: ({ page }) =>
      page.evaluate(() => {
        const element = document.querySelector("emotion-cam")!;
        for (let round = 0; round < 5; round++) {
          void element.stop();
          element.start().catch(() => {});
        }
      }),
  },
  {
    name: "a clip in the camera's place for 2 to 5 s",
    run: (exhibit, random) => changeAttribute(exhibit, "src", "demo.webm", between(random, 2000, 5000)),
  },
  {
    name: "a clip that is not there in the camera's place for 2 to 5 s",
    run: (exhibit, random) => changeAttribute(exhibit, "src", "no-clip.webm", between(random, 2000, 5000)),
  },
  {
    name: "the other engine for 3 to 6 s",
    run: (exhibit, random) => changeAttribute(exhibit, "engine", "float", between(random, 3000, 6000)),
  },
  {
    name: "every look, one after the other",
    async run(exhibit, random) {
      for (const [name, values] of LOOKS) {
        for (const value of values) await changeAttribute(exhibit, name, value, between(random, 300, 1000));
      }
    },
  },
  {
    name: "memory short (the browser told so)",
    async run({ session }) {
      await session.send("Memory.simulatePressureNotification", { level: "critical" });
    },
  },
];
