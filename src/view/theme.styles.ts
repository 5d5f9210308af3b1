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
 * The element's themes, type and sizes. Sizes are shares of the element's smaller side (`cqmin`), so that the proportions
 * hold from a box of 200 px to a wall: words 3.2 %, small print 1.8 %, never under 14 px.
 *
 * Pages may set the custom properties that begin with `--emotion-cam-`; those that begin with `--_` are internal.
 * tests/unit/view-styles.test.ts checks the contrasts of every theme.
 */
export const themeStyles = css`
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

  @media (prefers-reduced-motion: reduce) {
    *,
    *::before {
      animation: none !important;
      transition: none !important;
    }
  }

  @keyframes appear {
    from {
      opacity: 0;
    }
  }
`;
