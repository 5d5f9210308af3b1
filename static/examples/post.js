import { EmotionLog } from "../define.js";

const form = document.querySelector("#post");
const output = form.querySelector("output");

form.onsubmit = (event) => {
  event.preventDefault();
  form.querySelector("button").disabled = true;
  const log = new EmotionLog(document.querySelector("#posted"), { intervalS: 5 });
  log.addEventListener("emotion-log", ({ entry }) => post(form.address.value, entry));
  output.textContent = "The first entry follows after five seconds with frames.";
};

async function post(address, entry) {
  const body = JSON.stringify(entry);
  try {
    const headers = { "content-type": "application/json" };
    const response = await fetch(address, { method: "POST", headers, body, keepalive: true });
    output.textContent = response.ok ? `Posted ${body}` : `Refused: ${address} answered ${response.status}.`;
  } catch (error) {
    output.textContent = `Failed: ${address} cannot be reached. ${error.message}`;
  }
}
