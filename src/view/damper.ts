/**
 * How fast the drawing follows, 1/s. A critically damped spring is within 5 % of its goal after 4.74 / RATE: 160 ms,
 * calm to the eye and never far behind a head that turns.
 */
const RATE = 30;

/** What remains of a way when it counts as gone: a twentieth of a pixel. */
const NEAR_PX = 0.05;

/**
 * One number that eases towards a goal as a critically damped spring does, in closed form: frames may come as they
 * like, two half steps are one whole one. It never passes its goal, even when the goal turns back towards it.
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

  /** Goes there at once, and rests. */
  jump(value: number): void {
    this.#value = value;
    this.#velocity = 0;
  }

  /**
   * @param stepMs Milliseconds since the last step, 0 or more.
   * @returns Whether it has arrived, and rests.
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
