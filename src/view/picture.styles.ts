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

  /* If faces must not be seen, the layer over the picture is opaque, whatever is drawn on it. */
  :host([privacy="blur"]) .overlay,
  :host([privacy="hide"]) .overlay {
    background: var(--emotion-cam-surface);
  }
`;
