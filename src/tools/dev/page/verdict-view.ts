/** A verdict on the page: the decision in words, header changes as a diff, what the guest wrote, what it cost. */

import { showBytes } from "../../show-bytes.ts";
import type { DiffLine, EventForm, Outcome, PayloadForm } from "../page-messages.ts";
import { showMicroseconds } from "../screen/show-duration.ts";
import { byId, element } from "./make-element.ts";

export interface ShownVerdict {
  readonly kind: EventForm["kind"];
  readonly outcome: Outcome;
  /** How it compares to another answer, if there is one to compare it with. */
  readonly comparison: { readonly text: string; readonly isSame: boolean } | null;
}

export class VerdictView {
  readonly #headline = byId("headline", HTMLElement);
  readonly #body = byId("verdict", HTMLElement);

  showNothing(text: string): void {
    this.#headline.className = "headline";
    this.#headline.replaceChildren();
    this.#body.replaceChildren(element("p", { class: "empty" }, text));
  }

  show({ kind, outcome, comparison }: ShownVerdict): void {
    const tone = outcome.failure === null ? outcome.decision : "failed";
    this.#headline.className = `headline ${tone}`;
    this.#headline.replaceChildren(
      element("strong", {}, headlineOf(outcome)),
      element("span", {}, costOf(outcome)),
    );
    const parts: (Node | null)[] = [
      comparison === null
        ? null
        : element("p", { class: comparison.isSame ? "comparison" : "comparison differs" }, comparison.text),
      outcome.failure === null
        ? null
        : element(
            "p",
            { class: "failure" },
            element("code", {}, outcome.failure.code),
            ` ${outcome.failure.message}`,
          ),
      refusedPart(kind, outcome),
      textPart(outcome),
      payloadPart("In its place", outcome.replacement),
      auditPart(outcome),
      diffPart(requestTitle(outcome), outcome.requestHeaders),
      diffPart(
        outcome.kind === "request-headers" ? "On the response" : "Response to the client",
        outcome.responseHeaders,
      ),
      logPart(outcome),
    ];
    this.#body.replaceChildren(...parts.filter((part) => part !== null));
  }
}

export function headlineOf(outcome: Outcome): string {
  if (outcome.failure !== null) return "Failed";
  const word = outcome.decision.charAt(0).toUpperCase() + outcome.decision.slice(1);
  const decision = outcome.status === null ? word : `${word} ${outcome.status}`;
  const effects = effectsOf(outcome);
  return effects.length === 0 ? decision : `${decision}, ${effects.join(", ")}`;
}

function effectsOf({ isCalled, replacement, needsMore, frame, detections }: Outcome): readonly string[] {
  const effects: string[] = [];
  if (!isCalled) effects.push("without the module, which has no handler for it");
  if (replacement !== null) effects.push("replaced");
  if (needsMore) effects.push("needs more of the body");
  if (frame?.kind === "drop") effects.push("frame dropped");
  if (frame?.kind === "close") effects.push(`connection closed with ${frame.code} ${frame.reason}`.trim());
  if (detections !== null) effects.push("with findings");
  return effects;
}

/** Whether both say the same to a proxy; what they cost and wrote does not count. */
export function saysTheSame(a: Outcome, b: Outcome): boolean {
  return answerText(a) === answerText(b);
}

function answerText(outcome: Outcome): string {
  const {
    us: _us,
    fuel: _fuel,
    memoryBytes: _memory,
    log: _log,
    sha256: _sha256,
    failure,
    ...answer
  } = outcome;
  return JSON.stringify({ ...answer, failure: failure?.code ?? null });
}

function costOf(outcome: Outcome): string {
  const parts = [showMicroseconds(outcome.us)];
  if (outcome.fuel !== null) parts.push(`fuel ${outcome.fuel.toLocaleString("en")}`);
  if (outcome.memoryBytes !== null) parts.push(`${showBytes(outcome.memoryBytes)} memory`);
  return parts.join(" · ");
}

function textPart(outcome: Outcome): Node | null {
  if (outcome.failure !== null)
    return fact("The proxy is told", `${outcome.decision} ${outcome.status ?? ""}`);
  if (outcome.location !== null) return fact("Location", outcome.location);
  if (outcome.body !== null && outcome.body !== "") return fact("Body", outcome.body);
  return null;
}

const EARLIER = {
  "request-headers": "request",
  "response-headers": "response",
} as const;

/** The event that was asked about has not been reached. */
function refusedPart(kind: EventForm["kind"], outcome: Outcome): Node | null {
  if (outcome.kind === kind) return null;
  const earlier = outcome.kind in EARLIER ? EARLIER[outcome.kind as keyof typeof EARLIER] : outcome.kind;
  return element("p", { class: "comparison differs" }, `This is the answer to the ${earlier} before it.`);
}

function payloadPart(title: string, payload: PayloadForm | null): Node | null {
  if (payload === null) return null;
  const name = payload.encoding === "hex" ? `${title}, hexadecimal` : title;
  return element(
    "dl",
    { class: "audit" },
    element("dt", {}, name),
    element("dd", {}, element("pre", {}, payload.value)),
  );
}

function auditPart(outcome: Outcome): Node | null {
  const lists: (readonly [string, readonly string[]])[] = [
    ["Tags", outcome.tags],
    ["Rules", outcome.ruleIds],
    ["Reasons", outcome.reasonCodes],
    ["Confidence", outcome.confidence === null ? [] : [String(outcome.confidence)]],
  ];
  const rows = lists
    .filter(([, values]) => values.length > 0)
    .flatMap(([name, values]) => [
      element("dt", {}, name),
      element("dd", {}, ...values.map((value) => element("span", { class: "tag" }, value))),
    ]);
  for (const [name, text] of [
    ["Custom", outcome.custom],
    ["Routing", outcome.routing],
    ["Findings", outcome.detections],
  ] as const) {
    if (text !== null) rows.push(element("dt", {}, name), element("dd", {}, element("pre", {}, text)));
  }
  return rows.length === 0 ? null : element("dl", { class: "audit" }, ...rows);
}

function requestTitle({ kind, decision }: Outcome): string {
  if (kind !== "request-headers") return "Request";
  return decision === "allow" ? "Request to the upstream" : "Request, which goes no further";
}

const MARKS = { same: " ", added: "+", removed: "−" } as const;
const MARK_WORDS = { same: "", added: "added: ", removed: "removed: " } as const;

function diffPart(title: string, lines: readonly DiffLine[]): Node | null {
  if (lines.length === 0) return null;
  const changed = lines.filter(({ mark }) => mark !== "same").length;
  const note = changed === 0 ? "nothing changed" : changed === 1 ? "1 change" : `${changed} changes`;
  return element(
    "section",
    { class: "part" },
    element("h3", {}, title, " ", element("span", { class: "hint" }, note)),
    element("ul", { class: "diff" }, ...lines.map(diffLine)),
  );
}

function diffLine({ mark, name, value }: DiffLine): Node {
  return element(
    "li",
    { class: mark },
    element("span", { class: "diff-mark", attributes: { "aria-hidden": "true" } }, MARKS[mark]),
    element("span", { class: "hidden" }, MARK_WORDS[mark]),
    element("b", {}, name),
    value === null ? "" : `: ${value}`,
  );
}

function logPart({ log }: Outcome): Node {
  const head = element("h3", {}, "Written by the module");
  if (log.length === 0) {
    return element("section", { class: "part" }, head, element("p", { class: "empty" }, "Nothing."));
  }
  const lines = log.map(({ level, text }) => element("li", { class: level }, text));
  return element("section", { class: "part" }, head, element("ol", { class: "log" }, ...lines));
}

function fact(name: string, text: string): Node {
  return element("dl", { class: "audit" }, element("dt", {}, name), element("dd", {}, text));
}
