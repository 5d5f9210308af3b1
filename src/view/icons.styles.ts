import { css } from "lit";

/** Every icon: a line drawing in the colour and at the size of the text around it. */
export const iconStyles = css`
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
`;
