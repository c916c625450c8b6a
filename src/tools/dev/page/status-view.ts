/** The bar at the top: what is served at the moment, and what is wrong with what is not. */

import { showBytes } from "../../show-bytes.ts";
import type { SessionStatus, ShownEventKind } from "../page-messages.ts";
import { showMicroseconds } from "../screen/show-duration.ts";
import { byId, element } from "./make-element.ts";

const WORDS: Readonly<Record<SessionStatus["phase"], string>> = {
  building: "Building",
  loading: "Loading",
  serving: "Serving",
  failed: "Not good",
};

const HANDLED: Readonly<Record<ShownEventKind, string>> = {
  "request-headers": "requests",
  "request-body-chunk": "request bodies",
  "response-headers": "responses",
  "response-body-chunk": "response bodies",
  "websocket-frame": "frames",
  "guardrail-inspect": "guardrail checks",
  "request-complete": "ends of requests",
};

const MAX_PROBLEM_ROWS = 18;

export class StatusView {
  readonly #project = byId("project", HTMLElement);
  readonly #mark = byId("state-mark", HTMLElement);
  readonly #state = byId("state", HTMLElement);
  readonly #module = byId("module", HTMLElement);
  readonly #problem = byId("problem", HTMLElement);
  readonly #problemTitle = byId("problem-title", HTMLElement);
  readonly #problemText = byId("problem-text", HTMLTextAreaElement);
  readonly #problemRest = byId("problem-rest", HTMLElement);
  readonly #rebuild = byId("rebuild", HTMLButtonElement);

  constructor(onRebuild: () => void) {
    this.#rebuild.addEventListener("click", onRebuild);
  }

  show(status: SessionStatus): void {
    const { module, problem } = status;
    document.title = `${status.problem === null ? "" : "✗ "}${status.project} · playground`;
    this.#project.textContent = status.project;
    this.#mark.className = `mark ${status.phase}`;
    const word =
      status.problem?.stage === "build"
        ? "Build failed"
        : status.problem === null
          ? WORDS[status.phase]
          : "Not loaded";
    this.#state.textContent = status.phase === "building" ? WORDS.building : word;
    this.#module.replaceChildren(...(module === null ? [] : moduleFacts(module, status.buildMs)));
    this.#rebuild.disabled = status.phase === "building";
    this.#rebuild.textContent = status.buildCommand === null ? "Reload" : "Rebuild";
    if (status.buildCommand !== null) this.#rebuild.title = status.buildCommand;
    this.#problem.hidden = problem === null;
    this.#problemText.hidden = false;
    if (problem === null) return;
    this.#problemTitle.textContent = problem.title;
    this.#problemText.value = problem.text;
    this.#problemText.rows = Math.min(MAX_PROBLEM_ROWS, problem.text.split("\n").length + 1);
    this.#problemRest.textContent =
      module === null
        ? "Nothing is served until this is solved."
        : `Still serving ${module.sha256.slice(0, 8)}, loaded at ${clockTime(module.loadedAtMs)}.`;
  }

  /** Nothing more is known of the session, so nothing is said of it but that. */
  showLost(title: string, advice: string): void {
    document.title = `✗ ${this.#project.textContent} · playground`;
    this.#mark.className = "mark failed";
    this.#state.textContent = "Not connected";
    this.#module.replaceChildren();
    this.#rebuild.disabled = true;
    this.#problem.hidden = false;
    this.#problemTitle.textContent = title;
    this.#problemText.hidden = true;
    this.#problemRest.textContent = advice;
  }
}

function moduleFacts(module: NonNullable<SessionStatus["module"]>, buildMs: number | null): Node[] {
  const handled = module.handles.map((kind) => HANDLED[kind]).join(", ");
  const facts = [module.file, showBytes(module.sizeBytes), handled];
  if (buildMs !== null) facts.push(`built in ${showMicroseconds(buildMs * 1000)}`);
  return [
    ...facts.map((fact) => element("span", {}, fact)),
    element(
      "code",
      { title: `sha256 ${module.sha256}, loaded at ${clockTime(module.loadedAtMs)}` },
      module.sha256.slice(0, 8),
    ),
  ];
}

function clockTime(atMs: number): string {
  return new Date(atMs).toTimeString().slice(0, 8);
}
