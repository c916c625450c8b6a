/**
 * An event sink whose answers come when the test gives them, in the order it likes: what protocols and connections see
 * when guests run on other threads.
 */

import { failVerdict } from "../../src/dispatch/failure-policy.ts";
import { EVENT_KINDS, type ProxyEvent } from "../../src/event/event.ts";
import { retain } from "../../src/event/event-text.ts";
import type {
  EventSource,
  ConfigureOutcome,
  EventSink,
  FailedEvent,
  PendingEvent,
} from "../../src/event/event-sink.ts";
import type { EventFailure } from "../../src/event/failure.ts";
import { PLAIN_ALLOW, type Verdict } from "../../src/event/verdict.ts";
import { SHARED_TRANSCODER } from "./shared-transcoder.ts";
import { chooseProtocol } from "../../src/protocol/choose-protocol.ts";
import type { RedirectEncoding } from "../../src/protocol/redirect-encoding.ts";
import { LoopbackLoop } from "./loopback.ts";
import { RecordedLog } from "./recorded-log.ts";

export class HeldEvent implements PendingEvent {
  readonly event: ProxyEvent;
  readonly #source: EventSource;
  isCancelled = false;

  constructor(event: ProxyEvent, source: EventSource) {
    this.event = event;
    this.#source = source;
  }

  /** As a dispatcher would: nobody hears the answer to a cancelled event. */
  answer(verdict: Verdict = PLAIN_ALLOW): void {
    if (!this.isCancelled) this.#source.answer(this.event, verdict);
  }

  cancel(): void {
    this.isCancelled = true;
  }
}

export class AnsweringLater implements EventSink {
  readonly events: HeldEvent[] = [];
  readonly failures: EventFailure[] = [];
  readonly configs: unknown[] = [];
  /** Kinds of events that are answered at once. */
  readonly immediate = new Set<ProxyEvent["kind"]>();
  configureOutcome: ConfigureOutcome = { accepted: true };

  handles(): boolean {
    return true;
  }

  handle(event: ProxyEvent, source: EventSource): PendingEvent | null {
    retain(event);
    const held = new HeldEvent(event, source);
    if (this.immediate.has(event.kind)) {
      held.answer();
      return null;
    }
    this.events.push(held);
    return held;
  }

  pass(): void {
    // Answered by the protocol itself.
  }

  overrule(failure: EventFailure, event: FailedEvent): Verdict {
    return this.refuse(failure, event);
  }

  refuse(failure: EventFailure, event: FailedEvent): Verdict {
    this.failures.push(failure);
    return failVerdict(failure, false, event.kind);
  }

  configure(config: unknown): ConfigureOutcome {
    this.configs.push(config);
    return this.configureOutcome;
  }

  event(number: number): HeldEvent {
    const event = this.events[number];
    if (event === undefined) throw new Error(`only ${this.events.length} events were asked`);
    return event;
  }
}

/** Loopback connections whose events end at `sink`. */
export function loopTo(
  sink: EventSink,
  options: {
    readonly redirectEncoding?: RedirectEncoding;
    readonly log?: RecordedLog;
    readonly maxBufferedBytes?: number;
  } = {},
): LoopbackLoop {
  const log = options.log ?? new RecordedLog();
  return new LoopbackLoop(
    chooseProtocol({
      reader: () => SHARED_TRANSCODER,
      events: sink,
      log,
      redirectEncoding: options.redirectEncoding ?? "auto",
      profile: () => ({
        version: "1.0.0",
        handles: new Set(EVENT_KINDS),
        acceptsConfig: true,
        poolSize: 4,
      }),
    }),
    log,
    options,
  );
}
