import { LANGUAGES, MAX_FACES, MODELS } from "../types.ts";
import type { Described, Description } from "./element-tables.ts";

/** Attributes without a field: the element writes them itself, or they have no use on this page. */
const LEFT_OUT = ["state", "demo", "asset-base", "demo-src", "pace"];

/** Limits of numbers and choices of texts, which the description gives in words only. */
const NUMBERS: Readonly<Record<string, { readonly min: string; readonly max: string; readonly step: string }>> = {
  "max-faces": { min: "1", max: String(MAX_FACES), step: "1" },
  "max-fps": { min: "1", max: "60", step: "1" },
  "min-score": { min: "0", max: "1", step: "0.05" },
  smoothing: { min: "0", max: "1", step: "0.05" },
};
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  mirror: ["true", "false"],
  model: MODELS,
  lang: LANGUAGES,
};

/**
 * Fill the form with a field for each attribute. A change is written to the element at once.
 *
 * @param show Receives the element's tag as HTML, at first and after each change.
 */
export function buildEditor(
  form: HTMLElement,
  element: HTMLElement,
  { attributes }: Description,
  show: (tag: string) => void,
): void {
  const edited = attributes.filter(({ name }) => !LEFT_OUT.includes(name));
  for (const attribute of edited) form.append(fieldOf(attribute, element));
  const names = edited.map(({ name }) => name);
  const tell = () => show(tagOf(element, names));
  new MutationObserver(tell).observe(element, { attributeFilter: names });
  tell();
  form.addEventListener("submit", (event) => event.preventDefault());
}

function fieldOf({ name, type, description = "" }: Described, element: HTMLElement): HTMLElement {
  const label = document.createElement("label");
  label.title = description;
  const code = document.createElement("code");
  code.textContent = name;
  const kind = type?.text ?? "string";
  const choices =
    CHOICES[name] ?? (kind.includes("|") ? [...kind.matchAll(/"([^"]+)"/g)].map(([, value]) => value!) : []);
  const field = choices.length > 0 ? selectOf(choices) : inputOf(name, kind);
  field.name = name;
  const isSwitch = field.type === "checkbox";
  if (isSwitch) (field as HTMLInputElement).checked = element.hasAttribute(name);
  else field.value = element.getAttribute(name) ?? "";
  field.addEventListener("change", () => {
    const value = isSwitch ? ((field as HTMLInputElement).checked ? "on" : "") : field.value;
    if (value === "") element.removeAttribute(name);
    else element.setAttribute(name, isSwitch ? "" : value);
  });
  label.append(code, field);
  return label;
}

function selectOf(choices: readonly string[]): HTMLSelectElement {
  const select = document.createElement("select");
  select.append(new Option("(default)", ""), ...choices.map((choice) => new Option(choice)));
  return select;
}

function inputOf(name: string, kind: string): HTMLInputElement {
  const input = document.createElement("input");
  input.type = kind === "boolean" ? "checkbox" : kind === "number" ? "number" : "text";
  Object.assign(input, NUMBERS[name] ?? {});
  if (input.type !== "checkbox") input.placeholder = "(default)";
  return input;
}

function tagOf(element: HTMLElement, names: readonly string[]): string {
  const written = names
    .filter((name) => element.hasAttribute(name))
    .map((name) => {
      const value = element.getAttribute(name)!;
      return value === "" ? ` ${name}` : ` ${name}="${value.replaceAll("&", "&amp;").replaceAll('"', "&quot;")}"`;
    });
  return `<emotion-cam${written.join("")}></emotion-cam>`;
}
