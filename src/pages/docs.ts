/** The documentation page: tables and an editor made from custom-elements.json, and the code that the page itself runs. */
import "../define.ts";
import { buildEditor } from "./attribute-editor.ts";
import { buildTables, readDescription } from "./element-tables.ts";

/** Length of the list of events. */
const EVENTS_SHOWN = 6;
/** People cannot read a figure that changes more often. */
const RATE_EVERY_MS = 1000;

function find<Type extends HTMLElement>(selector: string): Type {
  return document.querySelector<Type>(selector)!;
}

const tried = find<HTMLElementTagNameMap["emotion-cam"]>("#tried");

// Read the examples' HTML before any script changes it.
for (const code of document.querySelectorAll<HTMLElement>("[data-html]"))
  code.textContent = withoutIndent(find(`#${code.dataset["html"]}`).innerHTML);
for (const code of document.querySelectorAll<HTMLElement>("[data-file]")) void showFile(code);
listen();
await describe();

async function describe(): Promise<void> {
  const description = await readDescription("custom-elements.json");
  buildTables(find("#tables"), description);
  buildEditor(find("#editor"), tried, description, (tag) => (find("#tag").textContent = tag));
  find("#copy").addEventListener("click", () => void navigator.clipboard.writeText(find("#tag").textContent ?? ""));
}

async function showFile(code: HTMLElement): Promise<void> {
  const response = await fetch(code.dataset["file"]!);
  code.textContent = response.ok ? (await response.text()).trim() : `${response.url}: ${response.status}`;
}

/** List the element's events, newest first. Frames are counted instead. */
function listen(): void {
  let frames = 0;
  tried.addEventListener("emotion-frame", () => (frames += 1));
  setInterval(() => {
    if (frames > 0) find("#rate").textContent = `emotion-frame: ${frames} in the last second`;
    frames = 0;
  }, RATE_EVERY_MS);
  tried.addEventListener("emotion-ready", ({ runtime }) =>
    tell(`emotion-ready: ${runtime.engine}, ${runtime.classifier.name}`),
  );
  tried.addEventListener("emotion-change", ({ label, previousLabel }) =>
    tell(`emotion-change: ${previousLabel ?? "new"} → ${label}`),
  );
  tried.addEventListener("emotion-presence", ({ count }) => tell(`emotion-presence: ${count}`));
  tried.addEventListener("emotion-error", ({ error }) => tell(`emotion-error: ${error.code}`));
}

function tell(text: string): void {
  const item = document.createElement("li");
  item.textContent = text;
  const list = find("#events");
  list.prepend(item);
  while (list.childElementCount > EVENTS_SHOWN) list.lastElementChild!.remove();
}

function withoutIndent(html: string): string {
  const lines = html.replace(/ (state|demo)="[^"]*"/g, "").split("\n");
  const indents = lines.filter((line) => line.trim() !== "").map((line) => /^ */.exec(line)![0].length);
  const least = Math.min(...indents.filter((indent) => indent > 0), Infinity);
  return lines
    .map((line) => (line.startsWith(" ") ? line.slice(Math.min(least, line.length)) : line))
    .join("\n")
    .trim();
}
