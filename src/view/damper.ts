/**
 * Natural frequency of the spring, 1/s. A critically damped spring is within 5 % of its goal after 4.74 / RATE = 160 ms:
 * calm to the eye, yet close behind a head that turns.
 */
const RATE = 30;

/** A value this close to its goal has arrived. Marks lie on whole pixels, so the last quarter of one is not seen. */
const NEAR_PX = 0.25;

/**
 * A number that eases towards a goal like a critically damped spring. The solution is in closed form, so the result does
 * not depend on the frame rate: two half steps equal one whole step. The value never overshoots its goal, even when the
 * goal turns back towards it.
 */
export class Damper {
  #value: number;
  /** Per second. */
  #velocity = 0;

  constructor(value: number) {
    this.#value = value;
  }

  get value(): number {
    return this.#value;
  }

  /** Set the value at once, with no velocity. */
  jump(value: number): void {
    this.#value = value;
    this.#velocity = 0;
  }

  /**
   * Move towards the goal.
   *
   * @param goal In the value's unit.
   * @param stepMs Milliseconds since the last step, 0 or more.
   * @returns True once the value has arrived and rests.
   */
  step(goal: number, stepMs: number): boolean {
    const stepS = stepMs / 1000;
    const away = this.#value - goal;
    const pull = this.#velocity + RATE * away;
    const decay = Math.exp(-RATE * stepS);
    const left = (away + pull * stepS) * decay;
    this.#velocity = (this.#velocity - RATE * pull * stepS) * decay;
    this.#value = goal + left;
    if (left * away < 0 || (Math.abs(left) < NEAR_PX && Math.abs(this.#velocity) < RATE * NEAR_PX)) this.jump(goal);
    return this.#value === goal;
  }
}
