/** The playground's page: wires its parts to each other and to the session. */

import type { EventForm, EventRow, Outcome, SessionStatus, StreamMessage } from "../page-messages.ts";
import { EditError, EventEditor } from "./event-editor.ts";
import { HistoryView } from "./history-view.ts";
import { byId } from "./make-element.ts";
import { CallError, PlaygroundClient } from "./playground-client.ts";
import { StatusView } from "./status-view.ts";
import { TrafficCharts } from "./traffic-charts.ts";
import { headlineOf, saysTheSame, type ShownVerdict, VerdictView } from "./verdict-view.ts";

/** What stands in the form, where it came from, and what was answered: on the socket, and here the last time. */
interface EditedEvent {
  /** The event of the history it began as. */
  readonly row: EventRow | null;
  readonly kind: EventForm["kind"];
  /** Whether a hand has changed it since. */
  readonly isEdited: boolean;
  readonly recorded: Outcome | null;
  readonly current: Outcome | null;
  readonly comparison: ShownVerdict["comparison"];
}

class Playground {
  readonly #client: PlaygroundClient;
  readonly #editor = new EventEditor(() => this.#onSample());
  readonly #verdict = new VerdictView();
  readonly #history = new HistoryView((row) => void this.#replay(row));
  readonly #status = new StatusView(() => void this.#rebuild());
  readonly #charts = new TrafficCharts();
  readonly #again = byId("again", HTMLInputElement);
  readonly #answerSwitch = byId("answer-switch", HTMLElement);
  readonly #answers = document.querySelectorAll<HTMLInputElement>('input[name="answer"]');
  #event: EditedEvent = freshEvent("request-headers");
  #sha256: string | null = null;
  /** Answers to earlier events that come late are dropped. */
  #turn = 0;

  constructor(client: PlaygroundClient) {
    this.#client = client;
    this.#verdict.showNothing("Ask, and what the module decides appears here.");
    byId("form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#ask();
    });
    this.#editor.onEdit(() => {
      this.#event = { ...this.#event, isEdited: true };
    });
    for (const answer of this.#answers) answer.addEventListener("change", () => this.#showAnswer());
    document.addEventListener("keydown", (event) => this.#onKey(event));
    byId("ask-key", HTMLElement).textContent = isApple() ? "⌘ Enter" : "Ctrl+Enter";
  }

  listen(): Promise<void> {
    return this.#client.listen({
      onMessage: (message) => this.#onMessage(message),
      onLost: (error) =>
        error.code === "unreachable"
          ? this.#status.showLost(
              "The session does not answer",
              "It may have ended. Start it again, and open the link that it prints.",
            )
          : this.#status.showLost("The playground refuses this page", asSentence(error.message)),
    });
  }

  #onMessage(message: StreamMessage): void {
    switch (message.type) {
      case "snapshot":
        this.#history.reset(message.rows);
        this.#charts.reset(message.nowMs, message.traffic);
        this.#onStatus(message.status);
        break;
      case "status":
        this.#onStatus(message.status);
        break;
      case "rows":
        this.#history.add(message.rows);
        break;
      case "traffic":
        this.#charts.add(message.nowMs, message.seconds);
        break;
    }
  }

  #onStatus(status: SessionStatus): void {
    this.#status.show(status);
    this.#history.socketPath = status.socketPath;
    const sha256 = status.module?.sha256 ?? null;
    if (sha256 === this.#sha256) return;
    this.#sha256 = sha256;
    if (sha256 !== null && this.#again.checked) void this.#ask();
  }

  #onSample(): void {
    this.#history.mark(null);
    this.#event = freshEvent(this.#editor.read().kind);
    void this.#ask();
  }

  async #ask(): Promise<void> {
    const turn = ++this.#turn;
    const { row, isEdited } = this.#event;
    try {
      const form = this.#editor.read();
      const asksAgain = row !== null && !isEdited;
      const outcome = await this.#client.ask({
        form: asksAgain ? null : form,
        basedOn: row?.id ?? null,
        config: this.#editor.config,
      });
      if (turn !== this.#turn) return;
      this.#editor.showError(null);
      this.#onAnswer(form.kind, outcome);
    } catch (error) {
      if (turn === this.#turn) this.#onError(error);
    }
  }

  #onAnswer(kind: EventForm["kind"], now: Outcome): void {
    const before = this.#event;
    this.#event = { ...before, kind, current: now, comparison: compare(before, now) };
    this.#answerSwitch.hidden = before.recorded === null || before.isEdited;
    this.#chooseAnswer("current");
    this.#showAnswer();
  }

  async #replay(row: EventRow): Promise<void> {
    const turn = ++this.#turn;
    try {
      const { form, outcome } = await this.#client.event(row.id);
      if (turn !== this.#turn) return;
      this.#editor.show(form);
      this.#history.mark(row.id);
      this.#event = { ...freshEvent(form.kind), row, recorded: outcome };
      await this.#ask();
      byId("verdict-head", HTMLElement).scrollIntoView({ block: "nearest" });
    } catch (error) {
      if (turn === this.#turn) this.#onError(error);
    }
  }

  async #rebuild(): Promise<void> {
    try {
      await this.#client.rebuild();
    } catch (error) {
      this.#onError(error);
    }
  }

  #showAnswer(): void {
    const { kind, recorded, current, comparison } = this.#event;
    const showsRecorded = [...this.#answers].some(({ checked, value }) => checked && value === "recorded");
    if (showsRecorded && recorded !== null) this.#verdict.show({ kind, outcome: recorded, comparison: null });
    else if (current !== null) this.#verdict.show({ kind, outcome: current, comparison });
  }

  #chooseAnswer(value: "current" | "recorded"): void {
    for (const answer of this.#answers) answer.checked = answer.value === value;
  }

  #onError(error: unknown): void {
    if (!(error instanceof EditError || error instanceof CallError)) throw error;
    this.#editor.showError(error.message);
  }

  #onKey(event: KeyboardEvent): void {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void this.#ask();
      return;
    }
    const isTyping = event.target instanceof Element && event.target.matches("input, textarea, select");
    if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.#editor.focus();
  }
}

function freshEvent(kind: EventForm["kind"]): EditedEvent {
  return { row: null, kind, isEdited: false, recorded: null, current: null, comparison: null };
}

/** With what happened on the socket, or else with the module of before. */
function compare(before: EditedEvent, now: Outcome): ShownVerdict["comparison"] {
  if (before.recorded !== null && !before.isEdited) {
    return saysTheSame(before.recorded, now)
      ? { isSame: true, text: "The same as on the socket." }
      : { isSame: false, text: `On the socket it was: ${headlineOf(before.recorded)}.` };
  }
  if (before.current === null || before.current.sha256 === now.sha256) return null;
  return saysTheSame(before.current, now)
    ? { isSame: true, text: "The same as before the reload." }
    : { isSame: false, text: `Before the reload it was: ${headlineOf(before.current)}.` };
}

function asSentence(message: string): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}

function isApple(): boolean {
  return /Mac|iPhone|iPad/.test(navigator.userAgent);
}

const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
void new Playground(new PlaygroundClient(token)).listen();
