import { css } from "lit";

/** The layer that holds the faces' marks, and each face's corner marks and chip. */
export const faceMarkStyles = css`
  /* The direction is that of the picture, not of the language. */

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
    /* The compositor moves them without painting. */
    will-change: transform;
  }

  /* A thin rim in the surface's colour, so that the marks stand out on any picture. */
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
    transform-origin: 0 0;
    will-change: transform;
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

  @container (max-width: 320px) {
    /* There is room for one word only: with several faces, the chips show their icons alone. */
    .overlay:has(.chip ~ .chip) .chip .word {
      display: none;
    }
  }

  @media (forced-colors: active) {
    .chip {
      border: 2px solid CanvasText;
    }

    .corners {
      forced-color-adjust: none;
    }
  }
`;
