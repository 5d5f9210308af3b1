import { EmotionChangeEvent, EmotionPresenceEvent } from "./events.ts";
import type { Face, Label } from "./types.ts";

/** The faces in view, each with its label. */
export class People {
  readonly #labels = new Map<number, Label>();

  /** The number of faces in view. */
  get count(): number {
    return this.#labels.size;
  }

  /**
   * Take the faces of the newest frame.
   *
   * @returns The changes since the frame before, as events in the order in which they are to be dispatched.
   */
  meet(faces: readonly Face[]): readonly (EmotionPresenceEvent | EmotionChangeEvent)[] {
    const before = new Map(this.#labels);
    this.#labels.clear();
    for (const face of faces) this.#labels.set(face.id, face.label);
    const events: (EmotionPresenceEvent | EmotionChangeEvent)[] = [];
    if (before.size !== this.count || faces.some(({ id }) => !before.has(id)))
      events.push(new EmotionPresenceEvent(faces.length));
    for (const face of faces) {
      const previousLabel = before.get(face.id) ?? null;
      if (previousLabel !== face.label) events.push(new EmotionChangeEvent(face, previousLabel));
    }
    return events;
  }
}
