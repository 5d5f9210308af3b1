/** The parts of custom-elements.json that the page reads: https://github.com/webcomponents/custom-elements-manifest */
export interface Described {
  readonly name: string;
  readonly description?: string;
  readonly type?: { readonly text: string };
}

interface Member extends Described {
  readonly kind: "field" | "method";
  readonly static?: boolean;
  readonly privacy?: string;
  readonly parameters?: readonly { readonly name: string }[];
}

export interface Description {
  readonly attributes: readonly Described[];
  readonly members: readonly Member[];
  readonly events: readonly Described[];
  readonly slots: readonly Described[];
  readonly cssParts: readonly Described[];
  readonly cssProperties: readonly Described[];
  readonly cssStates: readonly Described[];
}

/** Heading and rows of each table. */
const TABLES: readonly (readonly [string, (of: Description) => readonly Described[]])[] = [
  ["Attributes", ({ attributes }) => attributes],
  ["Methods", methodsOf],
  ["Events", ({ events }) => events],
  ["Slots", ({ slots }) => slots],
  ["CSS parts", ({ cssParts }) => cssParts],
  ["CSS custom properties", ({ cssProperties }) => cssProperties],
  ["CSS states", ({ cssStates }) => cssStates],
];

/** Private methods and those of the base class, which are not part of the element's interface. */
const NOT_OURS = /^(#|connectedCallback|disconnectedCallback|attributeChangedCallback|render|willUpdate|updated)/;

/**
 * Load the element's description.
 *
 * @throws Error If the file is missing or describes no element.
 */
export async function readDescription(url: string): Promise<Description> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}. Run "npm run build".`);
  const { modules } = (await response.json()) as {
    modules: { declarations: (Description & { tagName?: string })[] }[];
  };
  const element = modules.flatMap(({ declarations }) => declarations).find(({ tagName }) => tagName !== undefined);
  if (element === undefined) throw new Error(`${response.url} describes no element. Run "npm run build".`);
  return element;
}

/** Add one table for each part of the element's interface. */
export function buildTables(place: HTMLElement, description: Description): void {
  for (const [title, rowsOf] of TABLES) {
    const heading = document.createElement("h3");
    heading.textContent = title;
    place.append(heading, tableOf(title, rowsOf(description)));
  }
}

function methodsOf({ members }: Description): readonly Described[] {
  const own = members.filter(
    ({ kind, name, privacy }) => kind === "method" && privacy === undefined && !NOT_OURS.test(name),
  );
  return own.map((method) => {
    const parameters = method.parameters?.map(({ name }) => name).join(", ") ?? "";
    return { ...method, name: `${method.static ? "EmotionCam." : ""}${method.name}(${parameters})` };
  });
}

function tableOf(title: string, rows: readonly Described[]): HTMLElement {
  const typed = rows.some(({ type }) => type !== undefined);
  const table = document.createElement("table");
  table.setAttribute("aria-label", title);
  const head = table.createTHead().insertRow();
  for (const text of ["Name", ...(typed ? ["Type"] : []), "Meaning"]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = text;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const row of rows) body.append(rowOf(row, typed));
  const scroller = document.createElement("div");
  scroller.className = "table";
  scroller.tabIndex = 0;
  scroller.setAttribute("role", "group");
  scroller.setAttribute("aria-label", title);
  scroller.append(table);
  return scroller;
}

function rowOf({ name, type, description = "" }: Described, typed: boolean): HTMLTableRowElement {
  const row = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  const code = document.createElement("code");
  code.textContent = name;
  head.append(code);
  row.append(head);
  if (typed) {
    const cell = row.insertCell();
    cell.className = "type";
    cell.textContent = (type?.text ?? "").replaceAll('"', "").replaceAll("|", " | ");
  }
  row.insertCell().append(...prose(description));
  return row;
}

/** Turn words between back-ticks into code elements. */
function prose(text: string): readonly (string | HTMLElement)[] {
  return text.split("`").map((piece, index) => {
    if (index % 2 === 0) return piece;
    const code = document.createElement("code");
    code.textContent = piece;
    return code;
  });
}
