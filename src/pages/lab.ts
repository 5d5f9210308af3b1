/** The page that the commands `evaluate` and `detect` drive: `window.openLab` is all there is on it. */
import { openLab } from "../runtime/lab.ts";

declare global {
  interface Window {
    openLab: typeof openLab;
  }
}

window.openLab = openLab;
