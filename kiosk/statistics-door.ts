import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";

/** A year by the day is summed up in under a second on a Raspberry Pi 4, a busy card takes its time. */
const PATIENCE_MS = 10_000;

export interface Forwarded {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** The server's way to the process that keeps the statistics. */
export interface StatisticsDoor {
  /**
   * @param path With its query.
   * @param body JSON, where something is posted.
   * @returns The answer; 503 where there is none. Never rejects.
   */
  forward(method: "GET" | "POST", path: string, body?: string): Promise<Forwarded>;
}

/** @param socketPath Where statistics.ts answers. */
export function statisticsDoor(socketPath: string): StatisticsDoor {
  return {
    forward: (method, path, body) =>
      ask(socketPath, method, path, body).catch((error: unknown) => ({
        status: 503,
        type: "text/plain;charset=utf-8",
        body: `Statistics do not answer (${(error as NodeJS.ErrnoException).code ?? String(error)}).\n`,
      })),
  };
}

async function ask(socketPath: string, method: string, path: string, body?: string): Promise<Forwarded> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    request({ socketPath, method, path, signal }, resolve).once("error", reject).end(body);
  });
  const type = response.headers["content-type"] ?? "text/plain;charset=utf-8";
  return { status: response.statusCode!, type, body: await text(response) };
}
