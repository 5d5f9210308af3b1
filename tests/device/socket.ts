import { type Socket, createConnection } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A computer that was just switched on needs a moment until its sockets are there. */
const TRIES = 60;
const RETRY_MS = 250;

/** Connect to one of QEMU's Unix sockets. */
export async function connect(path: string): Promise<Socket> {
  for (let tries = 1; ; tries++) {
    const socket = createConnection(path);
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once("connect", resolve);
        socket.once("error", reject);
      });
      socket.on("error", () => {});
      return socket;
    } catch (error) {
      if (tries === TRIES) throw error;
      await sleep(RETRY_MS);
    }
  }
}
