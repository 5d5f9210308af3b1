const WIDTH = 30;
/** In a log the bar would fill the screen, so it gets one line for each tenth. */
const LINES = 10;

/** Shows a command's progress on stderr. Results go to stdout. */
export class Progress {
  readonly #what: string;
  readonly #total: number;
  readonly #startMs = performance.now();
  #done = 0;

  constructor(what: string, total: number) {
    this.#what = what;
    this.#total = total;
    this.#show(-1);
  }

  advance(count = 1): void {
    const before = this.#done;
    this.#done += count;
    this.#show(before);
  }

  #show(before: number): void {
    const share = this.#total ? this.#done / this.#total : 1;
    const full = Math.round(share * WIDTH);
    const seconds = (performance.now() - this.#startMs) / 1000;
    const left = this.#done > 0 ? `, ${Math.ceil((seconds / share) * (1 - share))} s left` : "";
    const text = `${this.#what} [${"#".repeat(full)}${"-".repeat(WIDTH - full)}] ${this.#done}/${this.#total}${left}`;
    if (process.stderr.isTTY) {
      process.stderr.write(`\r\x1b[K${text}${this.#done === this.#total ? "\n" : ""}`);
    } else if (before < 0 || Math.floor(share * LINES) > Math.floor((before / this.#total) * LINES)) {
      process.stderr.write(`${text}\n`);
    }
  }
}
