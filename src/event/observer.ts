/**
 * Observers of answered events, beside the proxy: a recorder, a developer's screen, whoever follows the verdicts. They
 * change no verdict.
 */

import type { ProxyEvent } from "./event.ts";
import type { EventFailure } from "./failure.ts";
import type { Verdict } from "./verdict.ts";

export interface EventObserver {
  /**
   * Called once for each event that a guest was called for, just after its answer was handed over, on the event
   * loop's thread: it should return quickly, and must not throw. The verdict is immutable and may be kept. The event may
   * be borrowed: reading a field decodes all of it, and who keeps it calls `retain` first (event-text.ts).
   *
   * @param verdict the guest's own, or that of the failure policy. What the dispatcher adds for this proxy (header
   *   operations deferred from the request) is not in it.
   * @param us microseconds from the read of the event to its answer
   * @param failure why the failure policy had to decide; null when the guest did
   */
  onSettled(event: ProxyEvent, verdict: Verdict, us: number, failure: EventFailure | null): void;
  /** This process went on with the connections of another one, before it serves them. */
  onTakeover?(takeover: TakeoverFacts): void;
}

export interface TakeoverFacts {
  /** Connections that go on. */
  readonly connections: number;
  /** The process before had ended without being asked to. */
  readonly afterCrash: boolean;
}

/** Those of one event loop. They come and go; without any, an event costs no more than a look at `size`. */
export class EventObservers {
  #observers: readonly EventObserver[];

  constructor(observers: readonly EventObserver[] = []) {
    this.#observers = observers;
  }

  get size(): number {
    return this.#observers.length;
  }

  add(observer: EventObserver): void {
    this.#observers = [...this.#observers, observer];
  }

  remove(observer: EventObserver): void {
    this.#observers = this.#observers.filter((one) => one !== observer);
  }

  onSettled(event: ProxyEvent, verdict: Verdict, us: number, failure: EventFailure | null): void {
    for (const observer of this.#observers) observer.onSettled(event, verdict, us, failure);
  }

  onTakeover(takeover: TakeoverFacts): void {
    for (const observer of this.#observers) observer.onTakeover?.(takeover);
  }
}
