/**
 * A slot whose instance lives in a thread of its own: it works on one job while this thread goes on. The thread is
 * asked by messages; a thread that dies fails its job and is replaced.
 */

import { keptEvent } from "../event/event-text.ts";
import { EventFailure } from "../event/failure.ts";
import { PLAIN_ALLOW, type Verdict } from "../event/verdict.ts";
import type { Log } from "../observe/log.ts";
import { RefillBudget } from "./refill-budget.ts";
import { type RingJob, settle } from "./ring-job.ts";
import type { SlotState } from "./slot-state.ts";
import type { FromWorker, ToWorker } from "./worker-message.ts";

export type StartMessage = ToWorker & { readonly type: "start" };

export interface WorkerSlotListener {
  /** The slot can take a job: it has just started, or finished one that took `fuelUnits` of fuel. */
  onIdle(slot: WorkerSlot, fuelUnits: number | null): void;
  /** The slot lost its thread, or its thread did not start. */
  onLost(): void;
}

export class WorkerSlot {
  readonly index: number;
  readonly #makeStart: () => StartMessage;
  readonly #listener: WorkerSlotListener;
  readonly #log: Log;
  readonly #restarts = new RefillBudget(performance.now());
  #state: SlotState = "broken";
  #worker: Worker | null = null;
  #job: RingJob | null = null;
  #isRetired = false;
  readonly #ended = Promise.withResolvers<void>();
  #restart: ReturnType<typeof setTimeout> | null = null;

  /** Starts the thread; the listener hears when it can take jobs. `makeStart` tells what holds at that moment. */
  constructor(index: number, makeStart: () => StartMessage, listener: WorkerSlotListener, log: Log) {
    this.index = index;
    this.#makeStart = makeStart;
    this.#listener = listener;
    this.#log = log;
    this.#startThread();
  }

  get state(): SlotState {
    return this.#state;
  }

  /** Resolves when the slot was closed and its thread is gone, some time later. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Takes a job; only while idle. */
  run(job: RingJob): void {
    this.#state = "busy";
    this.#job = job;
    this.#post({ type: "ask", event: keptEvent(job.event) });
  }

  configure(configJson: string): void {
    this.#post({ type: "configure", configJson });
  }

  /** Closes, but not before the job it may be at is done. */
  retire(): void {
    if (this.#state === "busy") this.#isRetired = true;
    else this.close();
  }

  close(): void {
    this.#state = "closed";
    if (this.#restart !== null) clearTimeout(this.#restart);
    const worker = this.#worker;
    this.#worker = null;
    if (worker === null) this.#ended.resolve();
    else worker.addEventListener("close", () => this.#ended.resolve());
    worker?.terminate();
    this.#failJob("the pool was closed");
  }

  #startThread(): void {
    const worker = new Worker(new URL("./guest-worker.ts", import.meta.url).href);
    this.#worker = worker;
    // News of a thread that has been replaced in the meantime means nothing to its successor.
    const ifCurrent = (act: () => void) => {
      if (worker === this.#worker) act();
    };
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => ifCurrent(() => this.#onMessage(data));
    worker.onerror = (event) => ifCurrent(() => this.#onThreadLost(event.message));
    worker.addEventListener("close", () => ifCurrent(() => this.#onThreadLost("the thread ended")));
    this.#post(this.#makeStart());
  }

  #post(message: ToWorker): void {
    this.#worker?.postMessage(message);
  }

  #onMessage(message: FromWorker): void {
    switch (message.type) {
      case "started":
        this.#restarts.recordMade(0, performance.now());
        this.#becomeIdle(null);
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
        if (this.#job === null) this.#becomeIdle(null);
        return;
      case "log":
        this.#log[message.level](message.message, message.fields);
        return;
    }
  }

  #finish({ fuelUnits, isSound }: { readonly fuelUnits: number; readonly isSound: boolean }): void {
    if (this.#isRetired) this.close();
    else if (isSound) this.#becomeIdle(fuelUnits);
    else if (this.#state !== "closed") this.#state = "broken";
  }

  #becomeIdle(fuelUnits: number | null): void {
    if (this.#state === "closed") return;
    this.#state = "idle";
    this.#listener.onIdle(this, fuelUnits);
  }

  #settleJob(outcome: Verdict | EventFailure): void {
    const job = this.#job;
    this.#job = null;
    if (job !== null) settle(job, outcome);
  }

  #failJob(reason: string): void {
    this.#settleJob(
      new EventFailure("agent-internal", `the thread of slot ${this.index} is gone: ${reason}`),
    );
  }

  #onThreadLost(reason: string): void {
    if (this.#isRetired) this.close();
    if (this.#state === "closed" || this.#restart !== null) return;
    this.#state = "broken";
    this.#worker?.terminate();
    this.#worker = null;
    this.#restarts.recordFailedStart(performance.now());
    this.#log.error("a worker thread was lost; another one is started", { slot: this.index, reason });
    this.#restart = setTimeout(() => {
      this.#restart = null;
      this.#startThread();
    }, this.#restarts.remainingMs(performance.now()));
    this.#failJob(reason);
    this.#listener.onLost();
  }
}
