// Receives the entries of post.js and appends one line for each to expressions.jsonl:
// PORT=9000 ORIGIN=https://your.site node receive.mjs
import { appendFile } from "node:fs/promises";
import { createServer } from "node:http";

const { PORT = "9000", ORIGIN = "http://localhost:8080", FILE = "expressions.jsonl" } = process.env;

const server = createServer(async (request, response) => {
  response.setHeader("Access-Control-Allow-Origin", ORIGIN);
  response.setHeader("Access-Control-Allow-Headers", "content-type");
  if (request.method === "OPTIONS") return response.writeHead(204).end();
  if (request.method !== "POST" || request.url !== "/expressions") return response.writeHead(404).end();
  let body = "";
  for await (const chunk of request) if ((body += chunk).length > 4096) return response.writeHead(413).end();
  try {
    const { from, to, visits, mostFaces, seconds, unsureS, presentS, watchedS } = JSON.parse(body);
    const line = JSON.stringify({ from, to, visits, mostFaces, seconds, unsureS, presentS, watchedS });
    await appendFile(FILE, `${line}\n`);
    response.writeHead(204).end();
  } catch {
    response.writeHead(400).end();
  }
});

server.listen(Number(PORT), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/expressions`));
