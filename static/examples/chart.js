import { EmotionLog, LABELS } from "../define.js";

const chart = document.querySelector("#chart");
const log = new EmotionLog(document.querySelector("#counted"), { intervalS: 1, keep: 60 });

log.addEventListener("emotion-log", ({ entry }) => {
  chart.replaceChildren(...log.entries.map(barOf));
  const percents = LABELS.map((label) => `${label} ${Math.round(entry.shares[label] * 100)} %`);
  chart.setAttribute("aria-label", `The last second: ${percents.join(", ")}. New visits: ${entry.visits}`);
});

function barOf({ seconds }) {
  const bar = document.createElement("div");
  for (const label of LABELS) {
    const share = document.createElement("span");
    share.className = label;
    share.style.flexGrow = seconds[label];
    bar.append(share);
  }
  return bar;
}

document.querySelector("#csv").onclick = () => save("expressions.csv", "text/csv", log.toCSV());
document.querySelector("#json").onclick = () => save("expressions.json", "application/json", JSON.stringify(log));

function save(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
