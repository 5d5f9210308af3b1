import "../define.ts";

const camera = document.querySelector("emotion-cam");
const output = document.querySelector("output");

camera?.addEventListener("emotion-change", ({ label }) => output?.replaceChildren(label));
camera?.addEventListener("emotion-presence", ({ count }) => count === 0 && output?.replaceChildren("nobody in view"));
