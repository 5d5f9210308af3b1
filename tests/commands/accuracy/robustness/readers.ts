/** Classifiers that read faces in a browser: ours, in the shipped runtime, and those of other libraries. */
import { chromium } from "playwright";
import { CHROMIUM_ARGS, chromiumPath } from "../../../chromium.ts";
import { PeerServer } from "../../speed/bench-peers/peer-server.ts";
import { type Peer, peersWith } from "../../speed/bench-peers/peers.ts";
import { LabBrowser, toBase64 } from "../../shared/lab-browser.ts";

/** Takes `count` gray squares, one after the other, and returns seven probabilities for each. */
export type Classify = (gray: Uint8Array, count: number) => Promise<readonly Float32Array[]>;

/** A classifier under test. */
export interface Reader {
  readonly name: string;
  /** Open it, let `work` use it, and close everything. */
  use<T>(work: (classify: Classify) => Promise<T>): Promise<T>;
}

interface ExpressionsWindow {
  readonly expressions: {
    load(): Promise<void>;
    classify(gray: Uint8Array, count: number, size: number): Promise<readonly (readonly number[])[]>;
  };
}

/** @returns One of our classifiers, on the default engine. */
export function ourReader(model: string): Reader {
  return {
    name: model,
    use: (work) => LabBrowser.use({ model, engine: "auto" }, (lab) => work((gray, count) => lab.classify(gray, count))),
  };
}

/**
 * @param packageName A package of `bench:peers`.
 * @param size Side of the faces, pixels.
 * @returns The package's own classifier.
 */
export function peerReader(packageName: string, size: number): Reader {
  const peer = peersWith("edge").find((candidate) => candidate.package === packageName);
  if (peer === undefined) throw new Error(`${packageName} is not listed in bench-peers/peers.ts`);
  const script = peer.script.replace(/\.js$/, "-expression.js");
  return { name: peer.name, use: (work) => usePeer({ ...peer, script }, size, work) };
}

async function usePeer<T>(peer: Peer, size: number, work: (classify: Classify) => Promise<T>): Promise<T> {
  const server = await PeerServer.start(peer);
  try {
    const browser = await chromium.launch({ executablePath: chromiumPath(), args: [...CHROMIUM_ARGS] });
    try {
      const page = await browser.newPage();
      await page.goto(server.url);
      await page.waitForFunction("window.expressions !== undefined");
      await page.evaluate(() => (window as unknown as ExpressionsWindow).expressions.load());
      return await work(async (gray, count) => {
        const rows = await page.evaluate(
          ([base64, faces, side]) => {
            const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
            return (window as unknown as ExpressionsWindow).expressions.classify(bytes, faces, side);
          },
          [toBase64(gray), count, size] as const,
        );
        return rows.map((row) => Float32Array.from(row));
      });
    } finally {
      await browser.close();
    }
  } finally {
    await server.close();
  }
}
