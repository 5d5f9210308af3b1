import "emotion-cam/react";
import type { EmotionCam } from "emotion-cam";
import { createRef } from "react";

const camera = createRef<EmotionCam>();

export const right = (
  <emotion-cam
    ref={camera}
    className="wide"
    max-faces="3"
    min-score={0.6}
    mirror={false}
    onemotion-presence={({ count }) => count.toFixed()}
  >
    <p slot="permission">Why the camera is wanted.</p>
  </emotion-cam>
);

// @ts-expect-error There is no such overlay.
export const overlay = <emotion-cam overlay="everything" />;
// @ts-expect-error What is no number is no count.
export const faces = <emotion-cam max-faces="many" />;
// @ts-expect-error Frames carry no label.
export const frames = <emotion-cam onemotion-frame={({ label }) => label} />;
