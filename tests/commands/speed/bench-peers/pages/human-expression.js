import { Human } from "@vladmandic/human";

/** Its emotion model without detection. The input is prepared as in human's `gear/emotion`. */
const human = new Human({
  backend: "wasm",
  wasmPath: "/tfjs-wasm/",
  modelBasePath: "/human-models/",
  debug: false,
  warmup: "none",
  filter: { enabled: false },
  gesture: { enabled: false },
  face: { enabled: true, mesh: { enabled: false }, iris: { enabled: false }, description: { enabled: false } },
  body: { enabled: false },
  hand: { enabled: false },
});
/** The places of angry, disgusted, fearful, happy, neutral, sad and surprised among its outputs. */
const PLACES = [0, 1, 2, 3, 6, 4, 5];

window.expressions = {
  async load() {
    await human.init();
    await human.tf.ready();
    await human.load();
  },
  /** @returns Seven probabilities for each face. */
  async classify(gray, count, size) {
    const { tf } = human;
    const model = human.models.models.emotion;
    const [, height, width, channels] = model.inputs[0].shape;
    if (channels !== 1) throw new Error(`its emotion model needs ${channels} channels, not gray`);
    const scores = tf.tidy(() => {
      const faces = tf.div(tf.tensor4d(Float32Array.from(gray), [count, size, size, 1]), 255);
      const resized = tf.image.resizeBilinear(faces, [height, width], false);
      return model.execute(tf.mul(tf.sub(resized, 0.5), 2));
    });
    const rows = await scores.data();
    scores.dispose();
    return Array.from({ length: count }, (_, face) => PLACES.map((place) => rows[7 * face + place]));
  },
};
