import type { Point } from "../types.ts";

/** Time constant of the filter's memory: it averages two or three looks, and still follows a person who turns. */
const MEMORY_MS = 100;

/** While a face is not seen, its speed halves in each such time: people who cross behind others walk on. */
const COAST_HALF_LIFE_MS = 1500;

/**
 * Where a face's centre was when it was last seen, and how fast it moved: the state of an alpha-beta filter. Frame
 * pixels, and frame pixels a second.
 */
export interface Trajectory {
  x: number;
  y: number;
  velocityX: number;
  velocityY: number;
}

/** Start at a point, at rest. */
export function startTrajectory({ x, y }: Point): Trajectory {
  return { x, y, velocityX: 0, velocityY: 0 };
}

/**
 * Correct a trajectory, in place, by a measured centre: an alpha-beta filter whose gains follow from the step of time,
 * alpha = 1 - m^2 and beta = (1 - m)^2 for m = exp(-step / memory). Both its poles are at m, so it is critically damped
 * at every step (the fading-memory filter of degree 1; Brookner 1998, "Tracking and Kalman Filtering Made Easy", 1.2.6).
 *
 * @param measured Frame pixels.
 * @param stepMs Since the last correction; 0 or less changes nothing.
 */
export function correctTrajectory(trajectory: Trajectory, measured: Point, stepMs: number): void {
  if (!(stepMs > 0)) return;
  const seconds = stepMs / 1000;
  const memory = Math.exp(-stepMs / MEMORY_MS);
  const x = trajectory.x + trajectory.velocityX * seconds;
  const y = trajectory.y + trajectory.velocityY * seconds;
  const gain = 1 - memory * memory;
  const velocityGain = ((1 - memory) * (1 - memory)) / seconds;
  trajectory.x = x + gain * (measured.x - x);
  trajectory.y = y + gain * (measured.y - y);
  trajectory.velocityX += velocityGain * (measured.x - x);
  trajectory.velocityY += velocityGain * (measured.y - y);
}

/**
 * Predict the centre of a face that moves on at a speed that decays.
 *
 * @param unseenMs Since the last correction, 0 or more.
 * @returns Frame pixels.
 */
export function predictCenter(trajectory: Trajectory, unseenMs: number): Point {
  // The integral of the decaying speed.
  const rate = Math.LN2 / COAST_HALF_LIFE_MS;
  const seconds = (1 - Math.exp(-rate * unseenMs)) / rate / 1000;
  return { x: trajectory.x + trajectory.velocityX * seconds, y: trajectory.y + trajectory.velocityY * seconds };
}
