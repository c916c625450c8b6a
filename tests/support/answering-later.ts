/**
 * An event sink whose answers come when the test gives them, in the order it likes: what protocols and connections see
 * when guests run on other threads.
 */

import { failVerdict } from "../../src/dispatch/fail-policy.ts";
import type { ProxyEvent } from "../../src/event/event.ts";
import { keptEvent } from "../../src/event/event-text.ts";
import type { Asker, ConfigureOutcome, EventSink, PendingAnswer } from "../../src/event/exchange.ts";
import type { EventFailure } from "../../src/event/failure.ts";
import { PLAIN_ALLOW, type Verdict } from "../../src/event/verdict.ts";
import { SHARED_TRANSCODER } from "./shared-transcoder.ts";
import { chooseProtocol } from "../../src/protocol/choose-protocol.ts";
import type { RedirectEncoding } from "../../src/protocol/redirect-encoding.ts";
import { LoopbackLoop } from "./loopback.ts";
import { RecordedLog } from "./recorded-log.ts";

export class Question implements PendingAnswer {
  readonly event: ProxyEvent;
  readonly #asker: Asker;
  isCancelled = false;

  constructor(event: ProxyEvent, asker: Asker) {
    this.event = event;
    this.#asker = asker;
  }

  /** As a dispatcher would: nobody hears the answer to a cancelled question. */
  answer(verdict: Verdict = PLAIN_ALLOW): void {
    if (!this.isCancelled) this.#asker.answer(this.event, verdict);
  }

  cancel(): void {
    this.isCancelled = true;
  }
}

export class AnsweringLater implements EventSink {
  readonly questions: Question[] = [];
  readonly failures: EventFailure[] = [];
  readonly configs: unknown[] = [];
  /** Kinds of events that are answered at once. */
  readonly immediate = new Set<ProxyEvent["kind"]>();
  configureOutcome: ConfigureOutcome = { accepted: true };

  ask(event: ProxyEvent, asker: Asker): PendingAnswer | null {
    if (event.kind === "request-headers" || event.kind === "response-headers") keptEvent(event);
    const question = new Question(event, asker);
    if (this.immediate.has(event.kind)) {
      question.answer();
      return null;
    }
    this.questions.push(question);
    return question;
  }

  refuse(failure: EventFailure): Verdict {
    this.failures.push(failure);
    return failVerdict(failure, false);
  }

  configure(config: unknown): ConfigureOutcome {
    this.configs.push(config);
    return this.configureOutcome;
  }

  question(number: number): Question {
    const question = this.questions[number];
    if (question === undefined) throw new Error(`only ${this.questions.length} questions were asked`);
    return question;
  }
}

/** Loopback connections whose questions end at `sink`. */
export function loopTo(
  sink: EventSink,
  options: { readonly redirectEncoding?: RedirectEncoding; readonly log?: RecordedLog } = {},
): LoopbackLoop {
  const log = options.log ?? new RecordedLog();
  return new LoopbackLoop(
    chooseProtocol({
      transcoder: SHARED_TRANSCODER,
      events: sink,
      log,
      redirectEncoding: options.redirectEncoding ?? "auto",
      profile: () => ({
        version: "1.0.0",
        handlesRequests: true,
        handlesResponses: true,
        acceptsConfig: true,
        poolSize: 4,
      }),
    }),
    log,
  );
}
