import { css } from "lit";

/** The picture: the video or image, and the layer that covers it where privacy asks for it. */
export const pictureStyles = css`
  .stage,
  .stage > *,
  .overlay {
    position: absolute;
    inset: 0;
    width: 100%;
    height: 100%;
  }

  /* Painted at its own small size and scaled by the compositor. Otherwise Chromium keeps every picture at full size, up to
     500 MB. */
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

  .stage[data-turn="180"] > * {
    transform: rotate(180deg);
  }

  .stage[data-turn="180"][data-mirror="true"] > * {
    transform: scaleX(-1) rotate(180deg);
  }

  /* Turned by a quarter, the picture is laid out with the element's sides exchanged, around the same middle. */
  .stage:is([data-turn="90"], [data-turn="270"]) > * {
    inset: 50% auto auto 50%;
    width: 100cqh;
    height: 100cqw;
    transform: translate(-50%, -50%) scaleX(var(--_mirrored)) rotate(var(--_turn));
  }

  .stage {
    --_mirrored: 1;
  }

  .stage[data-mirror="true"] {
    --_mirrored: -1;
  }

  .stage[data-turn="90"] {
    --_turn: 90deg;
  }

  .stage[data-turn="270"] {
    --_turn: 270deg;
  }

  /* If faces must not be seen, the layer over the picture is opaque, whatever is drawn on it. */
  :host([privacy="blur"]) .overlay,
  :host([privacy="hide"]) .overlay {
    background: var(--emotion-cam-surface);
  }
`;
