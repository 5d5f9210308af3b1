import { type TemplateResult, html, nothing } from "lit";
import { type EmotionCamErrorCode, ERRORS, type ErrorFacts, type ErrorWords } from "../errors.ts";
import type { Hint } from "../types.ts";
import { type IconName, icon } from "./icons.ts";
import { type Words, fill } from "./words.ts";

/** Share of the progress line that stands for the download; the rest is the warm-up. */
const LOADED_SHARE = 0.85;

/** Everything that the panel and the notice show. */
export interface PanelModel {
  readonly state: "idle" | "starting" | "running" | "paused" | "failed";
  /** True while the demo plays because there is no usable camera. */
  readonly demo: boolean;
  /** The failure; `null` if there is none. Its message is for the page's operator. */
  readonly error: { readonly code: EmotionCamErrorCode; readonly message: string; readonly words: ErrorWords } | null;
  /** Milliseconds until the next try; `null` during a try, `Infinity` if a person has to act. */
  readonly retryInMs: number | null;
  /** Download of the networks; `null` while it is unknown. */
  readonly progress: { readonly loadedBytes: number; readonly totalBytes: number } | null;
  /** Number of faces in view; 0 while there is a hint for them. `null` shows no invitation. */
  readonly people: number | null;
  /** Advice that takes the invitation's place; `null` if there is none. */
  readonly hint: Hint | null;
  /** True if the source is a camera, false for a clip or a picture. */
  readonly camera: boolean;
  /** True while a camera is on. */
  readonly light: boolean;
  readonly words: Words;
  /** Start, or try again. */
  readonly start: () => void;
  /** Stop; `null` if nothing runs, or if the viewer may not stop it. */
  readonly stop: (() => void) | null;
}

/** The icon of each kind of error; the others have the warning sign. */
const ERROR_ICON: Readonly<Partial<Record<ErrorFacts["about"], IconName>>> = { page: "lock", camera: "no-camera" };

/** Render the panel of the current state, and the notice, which every state shows. */
export function statePanel(model: PanelModel): TemplateResult {
  return html`${panel(model)} ${notice(model)}`;
}

/** @returns The panel's heading for screen readers; empty if it has none. */
export function headline({ state, error, words }: Pick<PanelModel, "state" | "error" | "words">): string {
  if (error !== null) return words[`${error.words}Title`];
  if (state === "starting") return words.startingTitle;
  return state === "paused" ? words.paused : "";
}

/** @returns What a hint says. */
export function hintText(hint: Hint, words: Words): string {
  return hint === "too-dark" ? words.tooDark : words.stepBack;
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

/** Explain the camera's purpose before the browser asks for permission. */
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

function nobody({ words, people, hint }: PanelModel): TemplateResult | typeof nothing {
  if (people === null) return nothing;
  return html`
    <div class="panel hint" part="panel" ?data-away=${people > 0} aria-hidden=${people > 0}>
      ${hint === null ? icon("come") : nothing}
      <p part="text">${hint === null ? words.nobody : hintText(hint, words)}</p>
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
        <h2 part="title">${words[`${error.words}Title`]}</h2>
        <p class="help" part="text">${words[`${error.words}Help`]}</p>
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

/** Render the notice: how the picture is used, a light while a camera is on, and the button that stops it. */
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
