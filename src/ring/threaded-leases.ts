/**
 * Stateful guests in threads of their own. An exchange goes to the thread with the fewest events in flight and stays
 * there. A thread that is lost takes its exchanges with it and is replaced.
 */

import type { EventFailure } from "../event/failure.ts";
import type { Lease } from "../exchange/lease.ts";
import type { Log } from "../telemetry/log.ts";
import type { ModuleMetrics } from "../telemetry/metrics/module-metrics.ts";
import type { InstanceStates } from "./instance-states.ts";
import type { LeaseHolder } from "./lease-holder.ts";
import type { LeaseStartMessage } from "./lease-message.ts";
import { LeaseThread } from "./lease-thread.ts";
import { noInstance } from "./no-instance.ts";
import { RefillBudget } from "./refill-budget.ts";

export interface ThreadedLeasesOptions {
  readonly size: number;
  startMessage(slot: number): LeaseStartMessage;
  readonly timeoutMs: number;
  onCost(fuelUnits: number): void;
  readonly log: Log;
  readonly metrics: ModuleMetrics;
}

export class ThreadedLeases implements LeaseHolder {
  readonly #options: ThreadedLeasesOptions;
  readonly #threads: (LeaseThread | null)[] = [];
  readonly #restarts = new RefillBudget(performance.now());
  /** Threads that take no new exchanges and have not ended. */
  readonly #ending = new Set<LeaseThread>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #ended = Promise.withResolvers<void>();
  #size = 0;
  #isClosed = false;

  constructor(options: ThreadedLeasesOptions) {
    this.#options = options;
    this.resize(options.size);
  }

  get isReady(): boolean {
    return this.#threads.some((thread) => thread?.isReady === true);
  }

  get readyCount(): number {
    return this.#threads.filter((thread) => thread?.isReady === true).length;
  }

  /** Threads, each as one: busy with an open exchange. */
  get instanceStates(): InstanceStates {
    const states = { idle: 0, busy: 0, empty: 0 };
    for (const thread of this.#threads) {
      if (thread?.isReady !== true) states.empty++;
      else if (thread.leaseCount > 0) states.busy++;
      else states.idle++;
    }
    return states;
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  open(): Lease | EventFailure {
    let chosen: LeaseThread | null = null;
    for (const thread of this.#threads) {
      if (thread?.isReady !== true) continue;
      if (chosen === null || isLessBusy(thread, chosen)) chosen = thread;
    }
    return chosen === null ? noInstance() : chosen.open();
  }

  /** The instances on the event loop's thread have accepted it. */
  configure(configJson: string): null {
    for (const thread of this.#threads) thread?.configure(configJson);
    return null;
  }

  resize(size: number): void {
    if (this.#isClosed) return;
    this.#size = size;
    for (const thread of this.#threads.splice(size)) this.#retire(thread);
    while (this.#threads.length < size) this.#threads.push(this.#start(this.#threads.length));
  }

  close(): void {
    this.#isClosed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const thread of this.#threads.splice(0)) this.#retire(thread);
    this.#endIfDone();
  }

  #start(slot: number): LeaseThread {
    const { log, metrics, timeoutMs } = this.#options;
    return new LeaseThread({
      index: slot,
      startMessage: () => this.#options.startMessage(slot),
      timeoutMs,
      onCost: (fuelUnits) => this.#options.onCost(fuelUnits),
      onChange: (thread) => this.#onChange(thread),
      log,
      metrics,
    });
  }

  #onChange(thread: LeaseThread): void {
    if (!thread.isGone) {
      this.#restarts.recordGoodStart();
      return;
    }
    const slot = this.#threads.indexOf(thread);
    if (slot < 0 || this.#isClosed) return;
    this.#threads[slot] = null;
    this.#restarts.recordFailedStart(0, performance.now());
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (slot < this.#size && this.#threads[slot] === null) this.#threads[slot] = this.#start(slot);
    }, this.#restarts.remainingMs(performance.now()));
    this.#timers.add(timer);
  }

  #retire(thread: LeaseThread | null): void {
    if (thread === null || thread.isGone) return;
    this.#ending.add(thread);
    void thread.ended.then(() => {
      this.#ending.delete(thread);
      this.#endIfDone();
    });
    thread.retire();
  }

  #endIfDone(): void {
    if (this.#isClosed && this.#ending.size === 0) this.#ended.resolve();
  }
}

function isLessBusy(a: LeaseThread, b: LeaseThread): boolean {
  return a.inFlight === b.inFlight ? a.leaseCount < b.leaseCount : a.inFlight < b.inFlight;
}
