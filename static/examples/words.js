import { EmotionCam } from "../define.js";

EmotionCam.addLanguage("nl", {
  happy: "blij",
  surprised: "verrast",
  neutral: "neutraal",
  sad: "verdrietig",
  fearful: "bang",
  disgusted: "vol afkeer",
  angry: "boos",
  playButton: "Begin",
  stopButton: "Stop",
  noticeWhat: "Toont de ogenschijnlijke uitdrukking",
  noticeWhere: "Verwerkt op dit apparaat, niets wordt bewaard",
});

// The page writes the chip of the largest face.
const label = document.querySelector("#label");
label.closest("emotion-cam").addEventListener("emotion-change", (event) => {
  label.textContent = event.label === "happy" ? "🎉 Hoera!" : event.label;
});
