import { css } from "lit";

const LIGHT = css`
  --emotion-cam-happy: #8d6a00;
  --emotion-cam-surprised: #ba408d;
  --emotion-cam-neutral: #687079;
  --emotion-cam-sad: #0073bc;
  --emotion-cam-fearful: #8a56c4;
  --emotion-cam-disgusted: #537b03;
  --emotion-cam-angry: #d22f2a;
  --emotion-cam-unsure: #10151b;
  --emotion-cam-surface: #f4f6f8;
  --emotion-cam-ink: #10151b;
  --emotion-cam-ink-soft: #4a5560;
  --emotion-cam-chip-ink: #ffffff;
  --emotion-cam-chip-rest: #000000;
  --emotion-cam-light: #00813f;
  --emotion-cam-veil: 90%;
  color-scheme: light;
`;

const CONTRAST = css`
  --emotion-cam-happy: #705401;
  --emotion-cam-surprised: #9e2274;
  --emotion-cam-neutral: #515962;
  --emotion-cam-sad: #015b96;
  --emotion-cam-fearful: #723da9;
  --emotion-cam-disgusted: #416100;
  --emotion-cam-angry: #b4000c;
  --emotion-cam-unsure: #000000;
  --emotion-cam-surface: #ffffff;
  --emotion-cam-ink: #000000;
  --emotion-cam-ink-soft: #000000;
  --emotion-cam-chip-ink: #ffffff;
  --emotion-cam-chip-rest: #000000;
  --emotion-cam-light: #026631;
  --emotion-cam-veil: 100%;
  --_strip: var(--emotion-cam-surface);
  --_strip-top: var(--_edge);
  color-scheme: light;
`;

/**
 * The element's style sheet. Sizes are shares of the element's own smaller side (`cqmin`), so that it is the same from
 * a box of 200 px to a wall; words 3.2 %, small print 1.8 %, never under 14 px.
 *
 * Custom properties that begin with `--emotion-cam-` are for pages to set, those that begin with `--_` are not.
 * Contrasts of every theme are held by tests/unit/view-styles.test.ts.
 */
export const styles = css`
  :host {
    --emotion-cam-happy: #ffc83d;
    --emotion-cam-surprised: #ff8fd0;
    --emotion-cam-neutral: #c9d1da;
    --emotion-cam-sad: #5db4ff;
    --emotion-cam-fearful: #c79bff;
    --emotion-cam-disgusted: #9bd24b;
    --emotion-cam-angry: #ff6b5e;
    --emotion-cam-unsure: #ffffff;
    --emotion-cam-surface: #0b0f14;
    --emotion-cam-ink: #f3f6f9;
    --emotion-cam-ink-soft: #b7c1cc;
    --emotion-cam-chip-ink: #0b0f14;
    --emotion-cam-chip-rest: #ffffff;
    --emotion-cam-light: #4ade80;
    --emotion-cam-veil: 86%;
    --emotion-cam-accent: var(--emotion-cam-happy);
    --emotion-cam-word-size: max(14px, 3.2cqmin);
    --emotion-cam-small-size: max(14px, 1.8cqmin);
    --emotion-cam-radius: 0.6em;
    --_gap: max(6px, 1.6cqmin);
    --_edge: max(8px, 2.6cqmin);
    color-scheme: dark;
    container-type: size;
    position: relative;
    display: block;
    aspect-ratio: 4 / 3;
    overflow: hidden;
    background: var(--emotion-cam-surface);
    font-family: var(--emotion-cam-font, system-ui, sans-serif);
    line-height: 1.25;
    text-align: start;
  }

  :host([hidden]),
  [hidden] {
    display: none !important;
  }

  :host([theme="light"]) {
    ${LIGHT}
  }

  :host([theme="contrast"]) {
    ${CONTRAST}
  }

  @media (prefers-color-scheme: light) {
    :host([theme="auto"]) {
      ${LIGHT}
    }
  }

  @media (prefers-contrast: more) {
    :host([theme="auto"]) {
      ${CONTRAST}
    }
  }

  .all {
    display: contents;
  }

  *,
  *::before {
    box-sizing: border-box;
    margin: 0;
  }

  /* The picture. */

  .stage,
  .stage > *,
  .overlay {
    position: absolute;
    inset: 0;
    width: 100%;
    height: 100%;
  }

  /* Painted as small as it is, and enlarged afterwards: else Chromium keeps each picture in full size. */
  .veil {
    position: absolute;
    top: 0;
    left: 0;
    transform-origin: 0 0;
    will-change: transform;
  }

  video,
  img {
    object-fit: cover;
  }

  .stage[data-mirror="true"] > * {
    transform: scaleX(-1);
  }

  /* Where faces are not to be shown the layer over the picture is opaque, whatever is drawn on it. */
  :host([privacy="blur"]) .overlay,
  :host([privacy="hide"]) .overlay {
    background: var(--emotion-cam-surface);
  }

  /* The faces. The direction is the picture's, not the language's. */

  .overlay {
    overflow: hidden;
    direction: ltr;
    pointer-events: none;
  }

  .corners {
    position: absolute;
    top: 0;
    left: 0;
    width: 1px;
    height: 1px;
    overflow: visible;
    fill: none;
    stroke: var(--_colour);
    stroke-width: var(--emotion-cam-stroke, var(--_stroke));
    stroke-linecap: round;
    stroke-linejoin: round;
    animation: appear 200ms;
  }

  /* Marks are seen on any picture: a thin rim of the other brightness goes around them. */
  .corners .halo {
    stroke: color-mix(in srgb, var(--emotion-cam-surface) 55%, transparent);
    stroke-width: calc(1.9 * var(--emotion-cam-stroke, var(--_stroke)));
  }

  .corners[data-unsure] {
    opacity: 0.85;
  }

  .corners[data-style="minimal"],
  .corners[data-style="emoji"],
  .chip[data-unsure]:not([data-style="emoji"]) {
    display: none;
  }

  .chip {
    position: absolute;
    top: 0;
    left: 0;
    display: flex;
    align-items: center;
    gap: 0.3em;
    padding: 0.16em 0.55em 0.16em 0.34em;
    border-radius: calc(0.6 * var(--emotion-cam-radius));
    overflow: hidden;
    background: color-mix(in srgb, var(--_colour) 62%, var(--emotion-cam-chip-rest));
    color: var(--emotion-cam-chip-ink);
    font-weight: 700;
    line-height: 1.2;
    white-space: nowrap;
    animation: appear 200ms;
  }

  .chip[data-away] {
    visibility: hidden;
  }

  .chip slot {
    display: contents;
  }

  .chip .fill {
    position: absolute;
    inset: 0;
    background: var(--_colour);
    transform-origin: left;
    transition: transform 200ms;
  }

  .chip .icon,
  .chip .word,
  .chip ::slotted(*) {
    position: relative;
  }

  .chip[data-style="emoji"] {
    width: 1em;
    height: 1em;
    padding: 0;
    border-radius: 50%;
    background: var(--_colour);
  }

  .chip[data-style="emoji"] .icon {
    width: 1em;
    height: 1em;
    stroke-width: 1.1;
  }

  .chip[data-style="emoji"] .fill,
  .chip[data-style="emoji"] .word,
  .chip[data-style="emoji"][data-unsure] .icon {
    display: none;
  }

  .icon {
    flex: none;
    width: 1.15em;
    height: 1.15em;
    fill: none;
    stroke: currentColor;
    stroke-width: 2;
    stroke-linecap: round;
    stroke-linejoin: round;
  }

  /* The strip. */

  .strip {
    position: absolute;
    z-index: 1;
    inset: auto 0 0;
    display: flex;
    align-items: flex-end;
    gap: calc(3 * var(--_gap));
    padding: var(--_strip-top, calc(5 * var(--_gap))) var(--_edge) var(--_edge);
    /* Whatever is written lies on the veil; only above it the picture comes through. */
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
    grid-template: "track track track track" max(36px, 10cqh) ". icon word ." auto / 1fr auto auto 1fr;
    align-items: center;
    gap: calc(0.7 * var(--_gap)) 0.28em;
    color: var(--emotion-cam-ink-soft);
    /* Seven words of the longest language are 43 em in one line, with their icons. */
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

  .track,
  .stack {
    grid-area: track;
    position: relative;
    justify-self: center;
    align-self: stretch;
    width: 4.2em;
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

  .stack {
    display: flex;
    flex-direction: column;
  }

  .stack span {
    flex: 0 0 0;
    min-height: 0;
  }

  .column[data-unsure] .icon,
  .column[data-unsure] .word {
    visibility: hidden;
  }

  /* A guess that no word stands for is no full bar either. */
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

  /* What is said. */

  /* Not the host's: what the page sets there wins over the theme. */
  .panel,
  .notice {
    color: var(--emotion-cam-ink);
  }

  .panel p,
  .panel h2 {
    text-wrap: balance;
  }

  .card {
    position: absolute;
    z-index: 1;
    inset: 0;
    display: flex;
    flex-direction: column;
    align-items: center;
    justify-content: safe center;
    gap: calc(1.6 * var(--_gap));
    padding: max(44px, 9cqh) max(12px, 12cqw);
    overflow: auto;
    text-align: center;
    background: var(--emotion-cam-surface);
    font-size: max(16px, var(--emotion-cam-word-size));
    animation: appear 200ms;
  }

  /* The picture may be seen behind it already. It is covered and not hidden: of hidden videos no frames may come. */
  :host([state="starting"]) .card {
    background: color-mix(in srgb, var(--emotion-cam-surface) 84%, transparent);
  }

  .card slot {
    display: contents;
  }

  h2 {
    font-size: max(20px, 5.6cqmin);
    font-weight: 700;
    line-height: 1.15;
  }

  .card p {
    max-width: 34em;
    color: var(--emotion-cam-ink-soft);
  }

  .row {
    display: flex;
    gap: 0.35em;
    font-size: max(34px, 10cqmin);
    line-height: 1;
  }

  .row .icon {
    stroke-width: 1.5;
  }

  :host([state="idle"]) .row .icon:nth-child(1) {
    color: var(--emotion-cam-happy);
  }

  :host([state="idle"]) .row .icon:nth-child(2) {
    color: var(--emotion-cam-surprised);
  }

  :host([state="idle"]) .row .icon:nth-child(3) {
    color: var(--emotion-cam-sad);
  }

  button {
    display: inline-flex;
    align-items: center;
    gap: 0.45em;
    min-height: 44px;
    padding: 0.5em 1.3em;
    border: 2px solid transparent;
    border-radius: 99em;
    background: var(--emotion-cam-accent);
    color: var(--emotion-cam-chip-ink);
    font: inherit;
    font-weight: 700;
    cursor: pointer;
    transition: filter 200ms;
  }

  button:hover {
    filter: brightness(1.08);
  }

  button:focus-visible {
    outline: max(3px, 0.4cqmin) solid var(--emotion-cam-ink);
    outline-offset: 3px;
  }

  /* The short form is for stamps. */
  .brief {
    display: none;
  }

  .card .small {
    font-size: max(14px, 2.4cqmin);
  }

  .card .fine {
    max-width: 60em;
    font-size: var(--emotion-cam-small-size);
    overflow-wrap: anywhere;
  }

  .progress {
    width: min(100%, 60cqmin);
    height: max(4px, 0.8cqmin);
    overflow: hidden;
    border-radius: 9em;
    background: color-mix(in srgb, var(--emotion-cam-ink) 18%, transparent);
  }

  .progress span {
    display: block;
    height: 100%;
    border-radius: inherit;
    background: var(--emotion-cam-accent);
    transform-origin: left;
    transition: transform 400ms;
  }

  /* Nobody knows how long the warm-up takes: the line goes on, slower and slower. */
  .progress[data-loaded] span {
    animation: warm 12s cubic-bezier(0.1, 0.7, 0.2, 1) both;
  }

  .hint {
    position: absolute;
    /* Above the strip, whose veil would dim what it says. */
    z-index: 2;
    inset: auto 0 0;
    display: flex;
    align-items: center;
    justify-content: center;
    gap: 0.4em;
    padding: 12cqh var(--_edge) max(16px, 7cqh);
    background: linear-gradient(
      to top,
      color-mix(in srgb, var(--emotion-cam-surface) 92%, transparent),
      color-mix(in srgb, var(--emotion-cam-surface) var(--emotion-cam-veil), transparent) 50%,
      transparent
    );
    font-size: max(18px, 5cqmin);
    font-weight: 700;
    text-align: center;
    pointer-events: none;
    transition: opacity 600ms 1.5s;
  }

  .hint[data-away] {
    opacity: 0;
    transition: opacity 200ms;
  }

  .tag {
    position: absolute;
    z-index: 2;
    top: var(--_edge);
    inset-inline-start: var(--_edge);
    display: flex;
    align-items: center;
    gap: calc(1.5 * var(--_gap));
    max-width: min(50cqw, 40em);
    font-size: max(14px, 2.4cqmin);
    text-align: start;
  }

  .tag strong {
    flex: none;
    padding: 0.1em 0.5em;
    border-radius: 0.3em;
    background: var(--emotion-cam-surprised);
    color: var(--emotion-cam-chip-ink);
    font-size: max(16px, var(--emotion-cam-word-size));
    letter-spacing: 0.08em;
    text-transform: uppercase;
  }

  .tag p {
    display: flex;
    align-items: center;
    gap: 0.5em;
    padding: 0.35em 0.8em;
    border-radius: var(--emotion-cam-radius);
    background: color-mix(in srgb, var(--emotion-cam-surface) var(--emotion-cam-veil), transparent);
  }

  .notice {
    position: absolute;
    z-index: 2;
    top: var(--_edge);
    inset-inline-end: var(--_edge);
    display: flex;
    align-items: center;
    gap: 0.5em;
    max-width: calc(100cqw - 2 * var(--_edge));
    padding: 0.35em 0.8em;
    border-radius: var(--emotion-cam-radius);
    background: color-mix(in srgb, var(--emotion-cam-surface) var(--emotion-cam-veil), transparent);
    font-size: var(--emotion-cam-small-size);
  }

  .notice .words {
    display: grid;
  }

  .notice .words span {
    color: var(--emotion-cam-ink-soft);
  }

  .light {
    flex: none;
    width: 0.7em;
    height: 0.7em;
    border-radius: 50%;
    background: var(--emotion-cam-light);
    box-shadow: 0 0 0 0.16em color-mix(in srgb, var(--emotion-cam-light) 35%, transparent);
  }

  /* As large as a finger, and no larger to see than what is written beside it. */
  .stop {
    position: relative;
    min-width: 2em;
    min-height: 2em;
    justify-content: center;
    padding: 0;
    margin-block: -0.3em;
    margin-inline-end: -0.4em;
    background: color-mix(in srgb, var(--emotion-cam-ink) 14%, transparent);
    color: var(--emotion-cam-ink);
  }

  .stop::before {
    position: absolute;
    inset: -0.5em;
    content: "";
  }

  .announcement {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }

  /* No room beside the bars: the last minute lies below them. */
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

  /* Screens that stand upright: the bars lie, one below the other. */
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

    .tag {
      top: calc(var(--_edge) + 4.2em);
      inset-inline: var(--_edge);
      max-width: none;
    }
  }

  /* Lying and low: no room for seven words beside the picture. */
  @container (max-height: 420px) {
    .caption {
      display: none;
    }

    .card .fine {
      display: none;
    }
  }

  /* The button before anything else: what does not fit is said in short. */
  @container (max-height: 320px) {
    .row,
    .why {
      display: none;
    }

    .brief {
      display: block;
    }

    .card {
      padding-bottom: 10px;
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

    .tag .help {
      display: none;
    }
  }

  /* A stamp: what can still be read, and nothing else. */
  @container (max-width: 320px) {
    .notice .words,
    .row,
    .why,
    .card .help,
    .card .small,
    .card .ask,
    .card .fine,
    .tag p,
    :host([state="idle"]) .notice {
      display: none;
    }

    .brief {
      display: block;
    }

    /* There is room for one word: of several faces the icons speak. */
    .overlay:has(.chip ~ .chip) .chip .word {
      display: none;
    }

    .card {
      padding: 8px;
      font-size: 14px;
    }

    h2 {
      font-size: 16px;
    }

    :host([state="idle"]) h2 {
      display: none;
    }

    .card p {
      line-height: 1.15;
    }

    .card button {
      min-height: 36px;
      padding: 0.2em 0.9em;
    }

    .tag {
      top: var(--_edge);
      inset-inline-end: auto;
    }

    .hint {
      font-size: 15px;
      padding: 16px 8px 10px;
    }
  }

  .all[dir="rtl"] .bar .level,
  .all[dir="rtl"] .progress span {
    transform-origin: right;
  }

  @media (prefers-reduced-motion: reduce) {
    *,
    *::before {
      animation: none !important;
      transition: none !important;
    }
  }

  @media (forced-colors: active) {
    .chip,
    .tag strong,
    .tag p,
    .notice,
    button {
      border: 2px solid CanvasText;
    }

    .corners,
    .level,
    .stack,
    .ribbon,
    .progress,
    .light {
      forced-color-adjust: none;
    }

    .track,
    .stack {
      outline: 1px solid CanvasText;
      outline-offset: -1px;
    }

    .row .icon {
      color: CanvasText !important;
    }

    .strip,
    .hint {
      padding-top: var(--_edge);
      background: Canvas;
    }
  }

  @keyframes appear {
    from {
      opacity: 0;
    }
  }

  @keyframes warm {
    from {
      transform: scaleX(0.85);
    }
    to {
      transform: scaleX(0.99);
    }
  }
`;
