/** Measures the reach of other libraries in the same scenes as ours. Runs in Node. */
import type { Browser } from "playwright";
import { versionOf } from "../speed/bench-peers/contestant.ts";
import { PeerServer } from "../speed/bench-peers/peer-server.ts";
import { type Peer, installPeers, peersWith } from "../speed/bench-peers/peers.ts";
import type { FacelessFrames } from "./arrivals.ts";
import { HEAD_FILES } from "./heads.ts";
import { facelessSeed } from "./faceless.ts";
import type { HeadSource } from "./scenes.ts";

/** `window.peer` of `bench-peers/pages/harness.js`. */
interface PeerWindow {
  readonly peer: {
    openHeads(sources: readonly HeadSource[]): Promise<void>;
    recall(width: number, scenes: number): Promise<number>;
    facelessKinds(): readonly string[];
    faceless(kind: string, seconds: number, seed: number): Promise<FacelessFrames>;
  };
}

export interface PeerReach {
  /** The share found at each width, 0..1. */
  readonly recall: readonly number[];
  /** The share of frames without a face in which one is reported, 0..1, by the kind of picture. */
  readonly mistaken: Readonly<Record<string, number>>;
}

/** By the peer's name and version. */
export type PeersReach = Readonly<Record<string, PeerReach>>;

/** Seconds of each moving picture without a face. Few suffice: these libraries judge each frame alone. */
const FACELESS_SECONDS = 5;

/** @returns The libraries with the settings of README.md's table, and face-api with its slower detector too. */
function contestants(): readonly Peer[] {
  return peersWith("seed")
    .filter(({ name }) => name.startsWith("@vladmandic/"))
    .flatMap((peer) => {
      if (!peer.name.endsWith("face-api")) return [peer];
      return [
        { ...peer, name: `${peer.name} tiny` },
        { ...peer, name: `${peer.name} SSD`, define: { PEERS_DETECTOR: "ssd" } },
      ];
    });
}

/**
 * Measure each library.
 *
 * @param widths Widths of the faces, pixels.
 * @param scenes How many people to show for each width.
 * @param say Called with each figure as text.
 */
export async function reachOfPeers(
  browser: Browser,
  heads: readonly HeadSource[],
  widths: readonly number[],
  scenes: number,
  say: (text: string) => void,
): Promise<PeersReach> {
  installPeers("seed");
  const reach: Record<string, PeerReach> = {};
  for (const peer of contestants()) {
    const name = `${peer.name} ${await versionOf(peer)}`;
    const server = await PeerServer.start({
      ...peer,
      define: { ...peer.define, PEERS_TASK: "reach" },
      files: { ...peer.files, ...HEAD_FILES },
    });
    const page = await browser.newPage();
    try {
      page.on("pageerror", (error) => console.error(error));
      await page.goto(server.url);
      await page.waitForFunction("window.peer !== undefined");
      await page.evaluate((sources) => (window as unknown as PeerWindow).peer.openHeads(sources), heads);
      const shares: number[] = [];
      for (const width of widths) {
        const share = await page.evaluate(([w, n]) => (window as unknown as PeerWindow).peer.recall(w, n), [
          width,
          scenes,
        ] as const);
        say(`${name} ${width} px: ${share.toFixed(2)}`);
        shares.push(share);
      }
      const mistaken: Record<string, number> = {};
      const kinds = await page.evaluate(() => (window as unknown as PeerWindow).peer.facelessKinds());
      for (const [index, kind] of kinds.entries()) {
        const frames = await page.evaluate(
          ([k, s, seed]) => (window as unknown as PeerWindow).peer.faceless(k, s, seed),
          [kind, FACELESS_SECONDS, facelessSeed(index, 0)] as const,
        );
        mistaken[kind] = frames.mistaken / frames.frames;
        say(`${name} ${kind}: a face in ${frames.mistaken} of ${frames.frames} face-free frames`);
      }
      reach[name] = { recall: shares, mistaken };
    } finally {
      await page.close();
      await server.close();
    }
  }
  return reach;
}
