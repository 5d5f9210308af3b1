import type { CSSResult } from "lit";
import { announcerStyles } from "./announcer.styles.ts";
import { faceMarkStyles } from "./face-mark.styles.ts";
import { iconStyles } from "./icons.styles.ts";
import { pictureStyles } from "./picture.styles.ts";
import { statePanelStyles } from "./state-panel.styles.ts";
import { stripStyles } from "./strip.styles.ts";
import { themeStyles } from "./theme.styles.ts";

/** The element's style sheets in cascade order: the theme first, then each view's own sheet. */
export const styles: CSSResult[] = [
  themeStyles,
  iconStyles,
  pictureStyles,
  faceMarkStyles,
  stripStyles,
  statePanelStyles,
  announcerStyles,
];
