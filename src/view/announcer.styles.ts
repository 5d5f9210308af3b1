import { css } from "lit";

/** The region that only screen readers see. */
export const announcerStyles = css`
  .announcement {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
`;
