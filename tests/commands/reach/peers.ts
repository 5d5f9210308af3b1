/** How small a face other libraries find, on the scenes that we are measured on. Runs in Node. */
import type { Browser } from "playwright";
import { versionOf } from "../bench-peers/contestant.ts";
import { PeerServer } from "../bench-peers/peer-server.ts";
import { type Peer, installPeers, peersWith } from "../bench-peers/peers.ts";
import { HEAD_FILES } from "./heads.ts";
import type { HeadSource } from "./scenes.ts";

/** What `window.peer` of `bench-peers/pages/harness.js` offers here. */
interface PeerWindow {
  readonly peer: {
    openHeads(sources: readonly HeadSource[]): Promise<void>;
    recall(width: number, scenes: number): Promise<number>;
  };
}

/** By the peer's name and version, the share found at each width. */
export type PeersRecall = Readonly<Record<string, readonly number[]>>;

/** Each as it stands beside ours in README.md, and face-api with its slower detector too. */
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

/** @param say Told as figures come in. */
export async function recallOfPeers(
  browser: Browser,
  heads: readonly HeadSource[],
  widths: readonly number[],
  scenes: number,
  say: (text: string) => void,
): Promise<PeersRecall> {
  installPeers();
  const recall: Record<string, number[]> = {};
  for (const peer of contestants()) {
    const name = `${peer.name} ${await versionOf(peer)}`;
    const server = await PeerServer.start({
      ...peer,
      define: { ...peer.define, PEERS_TASK: "reach" },
      files: { ...peer.files, ...HEAD_FILES },
    });
    const page = await browser.newPage();
    try {
      page.on("console", (m) => m.text().startsWith("DBG") && say(m.text()));
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
      recall[name] = shares;
    } finally {
      await page.close();
      await server.close();
    }
  }
  return recall;
}
