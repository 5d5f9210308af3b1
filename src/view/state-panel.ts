import { type TemplateResult, html, nothing } from "lit";
import { type EmotionCamErrorCode, ERRORS, type ErrorFacts } from "../errors.ts";
import { type IconName, icon } from "./icons.ts";
import { type Words, fill } from "./words.ts";

/** The line has come this far when every byte is there; the rest is the warm-up. */
const LOADED_SHARE = 0.85;

/** What the panel speaks of. */
export interface PanelModel {
  readonly state: "idle" | "starting" | "running" | "paused" | "failed";
  /** Whether a demo plays because no camera can be had. */
  readonly demo: boolean;
  /** What failed; `null` where nothing did. The message is for whoever looks after the page. */
  readonly error: { readonly code: EmotionCamErrorCode; readonly message: string } | null;
  /** When it is tried again, milliseconds; `null` where that is going on, `Infinity` where a person is needed. */
  readonly retryInMs: number | null;
  /** What has been loaded of the networks; `null` where that is not known. */
  readonly progress: { readonly loadedBytes: number; readonly totalBytes: number } | null;
  /** Faces in view; `null` where nobody is to be invited. */
  readonly people: number | null;
  /** Whether the source is a camera, and not a clip or a picture. */
  readonly camera: boolean;
  /** Whether a camera is on at this moment. */
  readonly light: boolean;
  readonly words: Words;
  /** Begins, or tries again. */
  readonly start: () => void;
  /** Ends it; `null` where there is nothing to end, or nobody who may. */
  readonly stop: (() => void) | null;
}

/** The icon of each kind of error; the others have the warning sign. */
const ERROR_ICON: Readonly<Partial<Record<ErrorFacts["about"], IconName>>> = { page: "lock", camera: "no-camera" };

/** Whatever is to be said in words over the picture, in each state; with the notice, which is always there. */
export function statePanel(model: PanelModel): TemplateResult {
  return html`${panel(model)} ${notice(model)}`;
}

/** The panel's heading, as it is said to screen readers; empty where there is none. */
export function headline({ state, error, words }: Pick<PanelModel, "state" | "error" | "words">): string {
  if (error !== null) return words[`${ERRORS[error.code].words}Title`];
  if (state === "starting") return words.startingTitle;
  return state === "paused" ? words.paused : "";
}

function panel(model: PanelModel): TemplateResult | typeof nothing {
  switch (model.state) {
    case "idle":
      return invitation(model);
    case "starting":
      return starting(model);
    case "failed":
      return failure(model);
    case "paused":
      return html`<div class="panel hint" part="panel">
        ${icon("pause")}
        <p part="text">${model.words.paused}</p>
      </div>`;
    case "running":
      return model.demo ? demo(model) : nobody(model);
  }
}

/** What the camera is for is said before the browser asks for it. */
function invitation({ words, camera, start }: PanelModel): TemplateResult {
  return html`
    <div class="panel card" part="panel">
      <slot name="permission">
        <div class="row">${icon("happy")}${icon("surprised")}${icon("sad")}</div>
        <h2 part="title">${words.startTitle}</h2>
        <p class="why" part="text">${words.startWhy}</p>
        <p class="brief" part="text">${words.startBrief}</p>
      </slot>
      <button part="button" type="button" @click=${start}>
        ${camera ? icon("camera") : nothing}${camera ? words.startButton : words.playButton}
      </button>
    </div>
  `;
}

function starting({ words, progress, camera, light }: PanelModel): TemplateResult {
  const share = progress === null || progress.totalBytes <= 0 ? 0 : progress.loadedBytes / progress.totalBytes;
  const loaded = share >= 1;
  const doing = loaded ? words.warmingUp : fill(words.loading, { percent: Math.floor(share * 100) });
  return html`
    <div class="panel card" part="panel">
      <slot name="loading">
        <h2 part="title">${words.startingTitle}</h2>
        <div class="progress" part="progress" ?data-loaded=${loaded} aria-hidden="true">
          <span part="done" .style=${`transform: scaleX(${(loaded ? 1 : share * LOADED_SHARE).toFixed(3)})`}></span>
        </div>
        <p class="small" part="text">${doing}</p>
        ${camera && !light ? html`<p class="ask" part="text">${words.startingAsk}</p>` : nothing}
      </slot>
    </div>
  `;
}

function nobody({ words, people }: PanelModel): TemplateResult | typeof nothing {
  if (people === null) return nothing;
  return html`
    <div class="panel hint" part="panel" ?data-away=${people > 0} aria-hidden=${people > 0}>
      ${icon("come")}
      <p part="text">${words.nobody}</p>
    </div>
  `;
}

function failure(model: PanelModel): TemplateResult {
  const { error, words, retryInMs, start } = model;
  if (error === null) return invitation(model);
  const facts = ERRORS[error.code];
  return html`
    <div class="panel card" part="panel">
      <slot name="error">
        <div class="row">${icon(ERROR_ICON[facts.about] ?? "warning")}</div>
        <h2 part="title">${words[`${facts.words}Title`]}</h2>
        <p class="help" part="text">${words[`${facts.words}Help`]}</p>
      </slot>
      ${
        retryInMs === Infinity
          ? html`<button part="button" type="button" @click=${start}>${words.retryButton}</button>`
          : html`<p class="small" part="text">${retryLine(retryInMs, words)}</p>`
      }
      <p class="fine" part="detail" lang="en" dir="ltr">${error.message}</p>
    </div>
  `;
}

function retryLine(retryInMs: number | null, words: Words): string {
  if (retryInMs === null) return words.retryRunning;
  return fill(words.retryWithin, { seconds: Math.max(1, Math.ceil(retryInMs / 1000)) });
}

function demo({ error, words }: PanelModel): TemplateResult {
  const facts = error === null ? null : ERRORS[error.code];
  return html`
    <div class="panel tag" part="panel">
      <strong part="demo">${words.demo}</strong>
      ${
        facts === null
          ? nothing
          : html`<p part="text">
              ${icon(ERROR_ICON[facts.about] ?? "warning")}<span
                >${words[`${facts.words}Title`]}. <span class="help">${words[`${facts.words}Help`]}</span></span
              >
            </p>`
      }
    </div>
  `;
}

/** Always there: what is done with the picture, whether a camera is on, and what turns it off. */
function notice({ words, light, stop }: PanelModel): TemplateResult {
  return html`
    <div class="notice" part="notice">
      ${
        light
          ? html`<span
              class="light"
              part="light"
              role="img"
              aria-label=${words.cameraOn}
              title=${words.cameraOn}
            ></span>`
          : nothing
      }
      <slot name="notice">
        ${icon("lock")}<span class="words"><b>${words.noticeWhat}</b> <span>${words.noticeWhere}</span></span>
      </slot>
      ${
        stop === null
          ? nothing
          : html`<button
              class="stop"
              part="stop"
              type="button"
              aria-label=${words.stopButton}
              title=${words.stopButton}
              @click=${stop}
            >
              ${icon("stop")}
            </button>`
      }
    </div>
  `;
}
