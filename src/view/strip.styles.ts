import { css } from "lit";

/** The strip at the bottom: bars, columns, and the ribbon of the last minute. */
export const stripStyles = css`
  .strip {
    position: absolute;
    z-index: 1;
    inset: auto 0 0;
    display: flex;
    align-items: flex-end;
    gap: calc(3 * var(--_gap));
    padding: var(--_strip-top, calc(5 * var(--_gap))) var(--_edge) var(--_edge);
    /* All text lies on the veil; the picture shows through only above it. */
    background: var(
      --_strip,
      linear-gradient(
        to top,
        color-mix(in srgb, var(--emotion-cam-surface) 94%, transparent),
        color-mix(in srgb, var(--emotion-cam-surface) var(--emotion-cam-veil), transparent) calc(100% - 5 * var(--_gap)),
        transparent
      )
    );
    pointer-events: none;
  }

  .bars,
  .columns {
    display: flex;
    flex: 1;
    justify-content: space-between;
    gap: var(--_gap);
    min-width: 0;
  }

  .columns {
    justify-content: space-evenly;
  }

  .strip:not([data-people="one"]) .bars,
  .strip:not([data-people="many"]) .columns {
    display: none;
  }

  .bar,
  .column {
    display: grid;
    grid-template: "track track track track" max(44px, 15cqh) ". icon word ." auto / 1fr auto auto 1fr;
    align-items: center;
    gap: calc(0.7 * var(--_gap)) 0.28em;
    color: var(--emotion-cam-ink-soft);
    /* In the language with the longest words, the seven words and icons take 43 em in one line. */
    font-size: max(14px, min(3.2cqmin, 2.15cqw));
    white-space: nowrap;
  }

  .bar[data-top],
  .column {
    color: var(--_colour);
    font-weight: 700;
  }

  .bar > .icon,
  .column > .icon {
    grid-area: icon;
  }

  .bar > .word,
  .column > .word {
    grid-area: word;
  }

  /* Narrow and side by side on one baseline: their lengths compare at a distance. Wide ones look like buttons. */
  .track,
  .stack {
    grid-area: track;
    position: relative;
    justify-self: center;
    align-self: stretch;
    width: max(12px, min(1.1em, 3.6cqh));
    overflow: hidden;
    border-radius: max(3px, 0.6cqmin);
    background: color-mix(in srgb, var(--emotion-cam-ink) 14%, transparent);
  }

  .level {
    position: absolute;
    inset: 0;
    border-radius: inherit;
    background: var(--_colour);
    transform: scaleY(var(--_level, 0));
    transform-origin: bottom;
  }

  /* Wider than a bar, because all seven colours share it. */
  .stack {
    width: max(16px, min(1.6em, 5cqh));
  }

  .stack span {
    position: absolute;
    inset: 0;
    transform-origin: top;
    transition: transform 150ms linear;
  }

  .column[data-unsure] .icon,
  .column[data-unsure] .word {
    visibility: hidden;
  }

  /* An expression too uncertain to be named shows pale bars. */
  .level,
  .stack {
    transition:
      transform 150ms linear,
      opacity 200ms;
  }

  .bars[data-unsure] .level,
  .column[data-unsure] .stack {
    opacity: 0.3;
  }

  .past {
    flex: 0 0 14%;
    display: grid;
    gap: calc(0.7 * var(--_gap));
    margin-inline-start: auto;
    direction: ltr;
    transition: opacity 200ms;
  }

  .ribbon {
    height: max(10px, 3cqmin);
    border-radius: max(3px, 0.6cqmin);
    box-shadow: inset 0 0 0 1px color-mix(in srgb, var(--emotion-cam-ink) 26%, transparent);
  }

  .caption {
    color: var(--emotion-cam-ink-soft);
    font-size: var(--emotion-cam-small-size);
    text-align: end;
  }

  .strip[data-people="none"] .past {
    opacity: 0.45;
    transition: opacity 3s 1s;
  }

  :host(:not([state="running"])) .strip {
    display: none;
  }

  /* Without room beside the bars, the last minute lies below them. */
  @container (max-aspect-ratio: 1.74) or (max-width: 760px) {
    .strip {
      flex-direction: column;
      align-items: stretch;
      gap: var(--_gap);
    }

    .past {
      flex: none;
      margin: 0;
    }

    .ribbon {
      height: max(8px, 1.6cqmin);
    }
  }

  @container (max-aspect-ratio: 1.2) or (max-width: 600px) {
    .bars {
      flex-direction: column;
      gap: calc(0.5 * var(--_gap));
    }

    .bar {
      grid-template: "icon word track" auto / auto 6.4em 1fr;
      line-height: 1.2;
    }

    .bar .track {
      width: 100%;
      height: 0.62em;
      align-self: center;
    }

    .bar .level {
      transform: scaleX(var(--_level, 0));
      transform-origin: left;
    }
  }

  @container (max-height: 420px) {
    .caption {
      display: none;
    }
  }

  @container (max-width: 600px) and (max-height: 480px) {
    .strip {
      padding-top: var(--_gap);
    }

    .bars,
    .columns {
      display: none !important;
    }
  }

  .all[dir="rtl"] .bar .level {
    transform-origin: right;
  }

  @media (forced-colors: active) {
    .level,
    .stack,
    .ribbon {
      forced-color-adjust: none;
    }

    .track,
    .stack {
      outline: 1px solid CanvasText;
      outline-offset: -1px;
    }

    .strip {
      padding-top: var(--_edge);
      background: Canvas;
    }
  }
`;
