/** The page that the commands `evaluate` and `detect` drive, through `window.openLab`. */
import { openLab } from "../runtime/lab.ts";

declare global {
  interface Window {
    openLab: typeof openLab;
  }
}

window.openLab = openLab;
