/** Still frames of the built page while somebody walks up to it. Runs in Node. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Browser } from "playwright";
import { createServer } from "../../../kiosk/server.ts";
import { ROOT } from "./heads.ts";
import { walkSeconds } from "./walk.ts";

const METRES = [3, 2.5, 2, 1.5, 1, 0.7];

/**
 * Writes `3.0-m.png` and so on into a folder, which is made.
 *
 * @param clip A WebM file's bytes.
 */
export async function takeStills(browser: Browser, clip: Buffer, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const site = await createServer({ site: join(ROOT, "dist"), port: 0 });
  const page = await browser.newPage({ viewport: { width: 960, height: 720 } });
  try {
    await page.route("**/walk.webm", (route) => route.fulfill({ contentType: "video/webm", body: clip }));
    await page.goto(`${site.url}?src=/walk.webm&max-fps=15`);
    await page.waitForFunction(() => document.querySelector("emotion-cam")?.state === "running", undefined, {
      timeout: 120_000,
    });
    for (const metres of METRES) {
      await page.evaluate(async (seconds) => {
        const video = document.querySelector("emotion-cam")!.shadowRoot!.querySelector("video")!;
        await video.play();
        // The clip plays again and again: of what was passed already the next round's is taken.
        while (!(video.currentTime >= seconds && video.currentTime < seconds + 0.4))
          await new Promise((resolve) => requestAnimationFrame(resolve));
        video.pause();
      }, walkSeconds(metres));
      await page.screenshot({ path: join(folder, `${metres.toFixed(1)}-m.png`) });
    }
  } finally {
    await page.close();
    await site.close();
  }
}
