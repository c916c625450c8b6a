/**
 * A slot whose instance lives in a thread of its own: it works on one job while this thread goes on. The thread is
 * called by messages; a thread that dies fails its job and is replaced.
 *
 * A busy slot takes one more job, prefetched, which the thread begins right after the one in flight, without waiting
 * for this thread to be notified of its end. A prefetched job that has not begun can be taken back.
 */

import { retain } from "../event/event-text.ts";
import { EventFailure } from "../event/failure.ts";
import { PLAIN_ALLOW, type Verdict } from "../event/verdict.ts";
import type { Log } from "../telemetry/log.ts";
import type { ModuleMetrics } from "../telemetry/metrics/module-metrics.ts";
import { PrefetchOffer } from "./prefetch-claim.ts";
import { RefillBudget } from "./refill-budget.ts";
import { type RingJob, settle } from "./ring-job.ts";
import type { SlotState } from "./slot-state.ts";
import { ThreadClock } from "./thread-clock.ts";
import type { WaitingJob } from "./waiting-job.ts";
import type { FromWorker, ToWorker } from "./worker-message.ts";

/** The first message to a thread, but for what the slot adds. */
export type StartMessage = Omit<ToWorker & { readonly type: "start" }, "prefetches" | "counters">;

export interface WorkerSlotListener {
  /** The slot can take a job: it has just started, or finished one that took `fuelUnits` of fuel. */
  onReady(slot: WorkerSlot, fuelUnits: number | null): void;
  /** The slot does not work on its prefetched job after all. */
  onReturned(prefetched: WaitingJob): void;
  /** The slot lost its thread, or its thread did not start, or could not make a new instance and tries again later. */
  onLost(): void;
}

export class WorkerSlot {
  readonly index: number;
  readonly #makeStart: () => StartMessage;
  readonly #listener: WorkerSlotListener;
  readonly #log: Log;
  readonly #metrics: ModuleMetrics;
  /** Where the thread counts. */
  readonly #counters: Float64Array;
  readonly #restarts = new RefillBudget(performance.now());
  #state: SlotState = "broken";
  #worker: Worker | null = null;
  #job: RingJob | null = null;
  #prefetched: WaitingJob | null = null;
  #offer = new PrefetchOffer();
  #clock = new ThreadClock(0);
  #prefetchedSinceMs = 0;
  /** The job in flight takes long, as it seems: a prefetched one had to be taken back from behind it. */
  #hasGivenBack = false;
  #hasStarted = false;
  #isRetired = false;
  readonly #ended = Promise.withResolvers<void>();
  #restart: ReturnType<typeof setTimeout> | null = null;

  /** Starts the thread; the listener is notified when it can take jobs. `makeStart` tells what holds at that moment. */
  constructor(
    index: number,
    makeStart: () => StartMessage,
    listener: WorkerSlotListener,
    log: Log,
    metrics: ModuleMetrics,
  ) {
    this.index = index;
    this.#makeStart = makeStart;
    this.#listener = listener;
    this.#log = log;
    this.#metrics = metrics;
    this.#counters = metrics.lend();
    void this.ended.then(() => metrics.giveBack(this.#counters));
    this.#startThread();
  }

  get state(): SlotState {
    return this.#state;
  }

  /** Resolves when the slot was closed and its thread is gone, some time later. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Its thread is on its way. */
  get isStarting(): boolean {
    return this.#worker !== null && !this.#hasStarted;
  }

  /** It is idle, or busy without a prefetched job; behind one and the same job it takes no second one. */
  get canTake(): boolean {
    if (this.#state !== "busy") return this.#state === "idle";
    return this.#prefetched === null && !this.#hasGivenBack && !this.#isRetired;
  }

  /** Since when its prefetched job has waited here; null without one. */
  get prefetchedSinceMs(): number | null {
    return this.#prefetched === null ? null : this.#prefetchedSinceMs;
  }

  /** Works on a job, now or after the one in flight; only while it can take one. */
  take(next: WaitingJob): void {
    const event = retain(next.job.event);
    const deadlineAtMs = this.#clock.toOther(next.deadlineAtMs);
    if (this.#state === "idle") {
      this.#state = "busy";
      this.#job = next.job;
      this.#hasGivenBack = false;
      this.#post({ type: "call", event, deadlineAtMs });
      return;
    }
    this.#prefetched = next;
    this.#prefetchedSinceMs = performance.now();
    this.#post({ type: "call", event, deadlineAtMs, ticket: this.#offer.make() });
  }

  /** The prefetched job, unless the thread has begun it or there is none: then null. */
  takeBack(): WaitingJob | null {
    const prefetched = this.#prefetched;
    if (prefetched === null || !this.#offer.withdraw()) return null;
    this.#prefetched = null;
    this.#hasGivenBack = true;
    return prefetched;
  }

  /** Gives the prefetched job back to the listener, if there is one and the thread has not begun it. */
  returnPrefetched(): void {
    const prefetched = this.takeBack();
    if (prefetched !== null) this.#listener.onReturned(prefetched);
  }

  configure(configJson: string): void {
    this.#post({ type: "configure", configJson });
  }

  /** Closes, but not before the job it may be at is done. */
  retire(): void {
    if (this.#state === "busy") {
      this.#isRetired = true;
      this.returnPrefetched();
    } else this.close();
  }

  close(): void {
    this.#state = "closed";
    if (this.#restart !== null) clearTimeout(this.#restart);
    const worker = this.#worker;
    this.#worker = null;
    if (worker === null) this.#ended.resolve();
    else worker.addEventListener("close", () => this.#ended.resolve());
    worker?.terminate();
    this.#failJobs("the pool was closed");
  }

  #startThread(): void {
    this.#clock = new ThreadClock(performance.now());
    const worker = new Worker(new URL("./guest-worker.ts", import.meta.url).href);
    this.#worker = worker;
    // News of a thread that has been replaced in the meantime means nothing to its successor.
    const ifCurrent = (act: () => void) => {
      if (worker === this.#worker) act();
    };
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => ifCurrent(() => this.#onMessage(data));
    worker.onerror = (event) => ifCurrent(() => this.#onThreadLost(event.message));
    worker.addEventListener("close", () =>
      ifCurrent(() => {
        this.#worker = null;
        this.#onThreadLost("the thread ended");
      }),
    );
    this.#hasStarted = false;
    this.#offer = new PrefetchOffer();
    this.#post({ ...this.#makeStart(), prefetches: this.#offer.shared, counters: this.#counters });
  }

  #post(message: ToWorker): void {
    this.#worker?.postMessage(message);
  }

  #onMessage(message: FromWorker): void {
    if ("sentAtMs" in message) this.#clock.observe(message.sentAtMs, performance.now());
    switch (message.type) {
      case "started":
        this.#restarts.recordGoodStart();
        this.#clock.suppose(message.timeOriginMs - performance.timeOrigin);
        this.#hasStarted = true;
        this.#becomeReady(null);
        return;
      case "start-failed":
        this.#onThreadLost(message.reason);
        return;
      case "answered":
        this.#settleJob(message.verdict ?? PLAIN_ALLOW);
        this.#finish(message);
        return;
      case "failed":
        this.#settleJob(new EventFailure(message.code, message.message, { details: message.details }));
        this.#finish(message);
        return;
      case "refilled":
        // It can cross a job on its way here; that one's answer tells how the thread is then.
        if (this.#job === null) this.#becomeReady(null);
        return;
      case "refill-failed":
        // As above; and an idle slot may have been recycling.
        if (this.#job !== null || this.#state === "closed") return;
        this.#state = "broken";
        this.#listener.onLost();
        return;
      case "log":
        this.#log[message.level](message.message, message.fields);
        return;
    }
  }

  /** A thread without a healthy instance begins nothing more until it has one again. */
  #finish({ fuelUnits, isHealthy }: { readonly fuelUnits: number; readonly isHealthy: boolean }): void {
    if (this.#state === "closed") return;
    const returned = isHealthy ? null : this.takeBack();
    this.#job = this.#prefetched?.job ?? null;
    this.#prefetched = null;
    this.#hasGivenBack = false;
    if (this.#job !== null) this.#listener.onReady(this, fuelUnits);
    else if (this.#isRetired) this.close();
    else if (isHealthy) this.#becomeReady(fuelUnits);
    else this.#state = "broken";
    if (returned !== null) this.#listener.onReturned(returned);
  }

  #becomeReady(fuelUnits: number | null): void {
    if (this.#state === "closed") return;
    this.#state = "idle";
    this.#listener.onReady(this, fuelUnits);
  }

  #settleJob(outcome: Verdict | EventFailure): void {
    const job = this.#job;
    this.#job = null;
    if (job !== null) settle(job, outcome);
  }

  #failJobs(reason: string): void {
    for (const job of [this.#job, this.#prefetched?.job]) {
      job?.fail(new EventFailure("agent-internal", `the thread of slot ${this.index} is gone: ${reason}`));
    }
    this.#job = null;
    this.#prefetched = null;
  }

  #onThreadLost(reason: string): void {
    if (this.#isRetired) this.close();
    if (this.#state === "closed" || this.#restart !== null) return;
    this.#state = "broken";
    this.#metrics.own.countReplacement("thread");
    this.#worker?.terminate();
    this.#worker = null;
    this.#restarts.recordFailedStart(0, performance.now());
    this.#log.error("a worker thread was lost; another one is started", { slot: this.index, reason });
    this.#restart = setTimeout(() => {
      this.#restart = null;
      this.#startThread();
    }, this.#restarts.remainingMs(performance.now()));
    this.returnPrefetched();
    this.#failJobs(reason);
    this.#listener.onLost();
  }
}
