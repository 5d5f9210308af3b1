"""One line of progress: rewritten in place on a terminal, printed once a minute in a log."""

import sys
import time

LOG_SECONDS = 60


class Progress:
    def __init__(self, total, title):
        self.total, self.title = total, title
        self.began = time.monotonic()
        self.shown = float("-inf")
        self.live = sys.stderr.isatty()

    def show(self, done, note=""):
        now = time.monotonic()
        last = done >= self.total
        if not last and now - self.shown < (0.2 if self.live else LOG_SECONDS):
            return
        self.shown = now
        share = done / self.total
        line = f"{self.title} [{'#' * int(24 * share):<24}] {share:4.0%} {now - self.began:.0f} s {note}"
        print(("\r" + line.ljust(100)) if self.live else line, end="\n" if last or not self.live else "", file=sys.stderr, flush=True)
