import { css } from "lit";

/** The panel of each state (card, hint, tag) and the notice, with the buttons on them. */
export const statePanelStyles = css`
  /* Set here and not on the host, where the page's own colour would override the theme. */
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

  /* The picture may show through. The card covers the video instead of hiding it, because a hidden video may deliver no
     frames. */
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

  /* The short text, for elements as small as a stamp. */
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

  /* The duration of the warm-up is unknown: the line keeps moving, slower and slower. */
  .progress[data-loaded] span {
    animation: warm 12s cubic-bezier(0.1, 0.7, 0.2, 1) both;
  }

  .hint {
    position: absolute;
    /* Above the strip, whose veil would dim the text. */
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

  /* Looks no larger than the text beside it, but the pseudo-element makes it large enough for a finger. */
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

  @container (max-aspect-ratio: 1.2) or (max-width: 600px) {
    .tag {
      top: calc(var(--_edge) + 4.2em);
      inset-inline: var(--_edge);
      max-width: none;
    }
  }

  @container (max-height: 420px) {
    .card .fine {
      display: none;
    }
  }

  /* Low elements: the button comes first, and the short text replaces the long one. */
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
    .tag .help {
      display: none;
    }
  }

  /* As small as a stamp: show only what is still legible. */
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

  .all[dir="rtl"] .progress span {
    transform-origin: right;
  }

  @media (forced-colors: active) {
    .tag strong,
    .tag p,
    .notice,
    button {
      border: 2px solid CanvasText;
    }

    .progress,
    .light {
      forced-color-adjust: none;
    }

    .row .icon {
      color: CanvasText !important;
    }

    .hint {
      padding-top: var(--_edge);
      background: Canvas;
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
