/**
 * HTTP on the loopback addresses, with limits on what one client may take: a program on this machine that floods the
 * port must not shut the page's heartbeat out.
 */
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerOptions as HttpOptions,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** Loopback only: nothing of the exhibit can be reached over a network. */
const ADDRESSES = ["127.0.0.1", "::1"] as const;

/** The page, its worker and a health check need a handful. */
const MAX_CONNECTIONS = 1024;

/** Answers that may be under way on one connection. */
const MAX_UNDER_WAY = 4;

/** Time that a client has to send a request's head, to send the whole request, and to send anything at all, ms. */
const HEAD_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 10_000;
const SILENCE_TIMEOUT_MS = 30_000;

/** Longer than the pause between two heartbeats, so that one connection carries them all, ms. */
const KEEP_ALIVE_MS = 15_000;

/** Attempts to find a port that is free on both addresses. */
const ANY_PORT_ATTEMPTS = 5;

const HTTP_OPTIONS: HttpOptions = {
  headersTimeout: HEAD_TIMEOUT_MS,
  requestTimeout: REQUEST_TIMEOUT_MS,
  keepAliveTimeout: KEEP_ALIVE_MS,
  connectionsCheckingInterval: 1000,
};

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** An open port on 127.0.0.1 and, where the machine has IPv6, on ::1. */
export interface Listener {
  readonly port: number;
  /** Cut all connections and free the port. */
  close(): Promise<void>;
}

/**
 * Listen on the loopback addresses.
 *
 * @param answer Called for each request that is within the limits.
 * @param port 0 takes one that is free on both addresses.
 * @throws An `Error` whose message names the port and the remedy where it cannot be opened.
 */
export async function listen(answer: Answer, port: number): Promise<Listener> {
  const servers = port === 0 ? await openAnyPort(answer) : await openPort(answer, port);
  return {
    port: portOf(servers[0]!),
    close: async () => {
      await Promise.all(servers.map(closeServer));
    },
  };
}

async function openAnyPort(answer: Answer): Promise<Server[]> {
  for (let attempt = 1; ; attempt++) {
    const [first] = await openPort(answer, 0, [ADDRESSES[0]]);
    try {
      return [first!, ...(await openPort(answer, portOf(first!), [ADDRESSES[1]]))];
    } catch (error) {
      await closeServer(first!);
      if (attempt === ANY_PORT_ATTEMPTS) throw error;
    }
  }
}

async function openPort(answer: Answer, port: number, addresses: readonly string[] = ADDRESSES): Promise<Server[]> {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  for (const address of addresses) {
    const server = createLimitedServer(answer, sockets);
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen({ port, host: address, ipv6Only: true }, resolve);
      });
      servers.push(server);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // A machine without IPv6 has no ::1; localhost means 127.0.0.1 there.
      if (address === "::1" && (code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT")) continue;
      await Promise.all(servers.map(closeServer));
      throw new Error(listenFailure(code, port), { cause: error });
    }
  }
  return servers;
}

/** @param sockets The open connections, in order of arrival; servers that share a limit share them. */
function createLimitedServer(answer: Answer, sockets: Set<Socket>): Server {
  const server = createHttpServer(HTTP_OPTIONS, (request, response) => {
    if (limitAnswers(request.socket, response)) answer(request, response);
  });
  server.setTimeout(SILENCE_TIMEOUT_MS);
  server.on("connection", (socket) => {
    limitConnections(socket, sockets);
    refuseBatches(socket);
  });
  return server;
}

/**
 * Close the oldest connection beyond the limit, never the newest: the page's next heartbeat gets in, however many
 * connections another program holds open.
 */
function limitConnections(newest: Socket, sockets: Set<Socket>): void {
  sockets.add(newest);
  newest.once("close", () => sockets.delete(newest));
  if (sockets.size <= MAX_CONNECTIONS) return;
  const [oldest] = sockets;
  sockets.delete(oldest!);
  oldest!.destroy();
}

/** Answers that are under way on each connection. */
const underWay = new WeakMap<Socket, number>();

/**
 * Cut a connection off that has too many answers under way. A browser waits for an answer before it asks again, but may
 * have all of it before its file is closed here, so the limit is above one. A client that does not wait could have
 * thousands of files opened at once.
 *
 * @returns False where the connection is cut off and the request must not be answered.
 */
function limitAnswers(socket: Socket, response: ServerResponse): boolean {
  const count = underWay.get(socket) ?? 0;
  if (socket.destroyed || count >= MAX_UNDER_WAY) {
    socket.destroy();
    return false;
  }
  underWay.set(socket, count + 1);
  response.once("close", () => underWay.set(socket, underWay.get(socket)! - 1));
  return true;
}

const HEAD_END = "\r\n\r\n";

/**
 * Cut a connection off when one of its packets ends more than one request's head. No browser sends such packets. Node
 * would parse all the requests and throw them away: 512 connections with a thousand requests each took 690 MB and kept
 * heartbeats out for 6 s.
 */
function refuseBatches(socket: Socket): void {
  const push = socket.push.bind(socket);
  socket.push = (packet: Buffer | null, encoding?: BufferEncoding) => {
    const end = packet?.indexOf(HEAD_END) ?? -1;
    if (end >= 0 && packet!.indexOf(HEAD_END, end + HEAD_END.length) >= 0) {
      socket.destroy();
      return false;
    }
    return push(packet, encoding);
  };
  // Without a listener Node's parser reads from the handle and bypasses the stream.
  socket.on("data", () => {});
}

function listenFailure(code: string | undefined, port: number): string {
  if (code === "EADDRINUSE")
    return `Port ${port} is taken by another program. Choose another: PORT=${port + 1} npm start`;
  if (code === "EACCES") return `Port ${port} needs privileges. Choose one from 1024 up: PORT=8080 npm start`;
  return `Port ${port} cannot be opened (${code ?? "no reason given"}). Choose another with PORT=`;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
