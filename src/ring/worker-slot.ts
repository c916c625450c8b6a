/**
 * A slot whose instance lives in a thread of its own: it works on one job while this thread goes on. The thread is
 * asked by messages; a thread that dies fails its job and is replaced.
 *
 * A busy slot takes one more job, its follower, which the thread begins right after the one under way, without waiting
 * for this thread to hear of that one's end. A follower that has not begun can be had back.
 */

import { retain } from "../event/event-text.ts";
import { EventFailure } from "../event/failure.ts";
import { PLAIN_ALLOW, type Verdict } from "../event/verdict.ts";
import type { Log } from "../telemetry/log.ts";
import { FollowerOffer } from "./follower-claim.ts";
import { RefillBudget } from "./refill-budget.ts";
import { type RingJob, settle } from "./ring-job.ts";
import type { SlotState } from "./slot-state.ts";
import { ThreadClock } from "./thread-clock.ts";
import type { WaitingJob } from "./waiting-job.ts";
import type { FromWorker, ToWorker } from "./worker-message.ts";

/** The first message to a thread, but for what the slot adds. */
export type StartMessage = Omit<ToWorker & { readonly type: "start" }, "followers">;

export interface WorkerSlotListener {
  /** The slot can take a job: it has just started, or finished one that took `fuelUnits` of fuel. */
  onReady(slot: WorkerSlot, fuelUnits: number | null): void;
  /** The slot does not work on its follower after all. */
  onReturned(follower: WaitingJob): void;
  /** The slot lost its thread, or its thread did not start, or could not make a new instance and tries again later. */
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
  #follower: WaitingJob | null = null;
  #offer = new FollowerOffer();
  #clock = new ThreadClock(0);
  #followerSinceMs = 0;
  /** The job under way takes long, as it seems: a follower had to be taken back from behind it. */
  #hasGivenBack = false;
  #hasStarted = false;
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

  /** Its thread is on its way. */
  get isStarting(): boolean {
    return this.#worker !== null && !this.#hasStarted;
  }

  /** It is idle, or busy without a follower; behind one and the same job it takes no second one. */
  get canTake(): boolean {
    if (this.#state !== "busy") return this.#state === "idle";
    return this.#follower === null && !this.#hasGivenBack && !this.#isRetired;
  }

  /** Since when its follower has waited here; null without one. */
  get followerSinceMs(): number | null {
    return this.#follower === null ? null : this.#followerSinceMs;
  }

  /** Works on a job, now or after the one under way; only while it can take one. */
  take(next: WaitingJob): void {
    const event = retain(next.job.event);
    const deadlineAtMs = this.#clock.toOther(next.deadlineAtMs);
    if (this.#state === "idle") {
      this.#state = "busy";
      this.#job = next.job;
      this.#hasGivenBack = false;
      this.#post({ type: "ask", event, deadlineAtMs });
      return;
    }
    this.#follower = next;
    this.#followerSinceMs = performance.now();
    this.#post({ type: "ask", event, deadlineAtMs, ticket: this.#offer.make() });
  }

  /** The follower, unless the thread has begun it or there is none: then null. */
  takeBack(): WaitingJob | null {
    const follower = this.#follower;
    if (follower === null || !this.#offer.withdraw()) return null;
    this.#follower = null;
    this.#hasGivenBack = true;
    return follower;
  }

  /** Gives the follower back to the listener, if there is one and the thread has not begun it. */
  returnFollower(): void {
    const follower = this.takeBack();
    if (follower !== null) this.#listener.onReturned(follower);
  }

  configure(configJson: string): void {
    this.#post({ type: "configure", configJson });
  }

  /** Closes, but not before the job it may be at is done. */
  retire(): void {
    if (this.#state === "busy") {
      this.#isRetired = true;
      this.returnFollower();
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
    this.#offer = new FollowerOffer();
    this.#post({ ...this.#makeStart(), followers: this.#offer.shared });
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

  /** A thread without a sound instance begins nothing more until it has one again. */
  #finish({ fuelUnits, isSound }: { readonly fuelUnits: number; readonly isSound: boolean }): void {
    if (this.#state === "closed") return;
    const returned = isSound ? null : this.takeBack();
    this.#job = this.#follower?.job ?? null;
    this.#follower = null;
    this.#hasGivenBack = false;
    if (this.#job !== null) this.#listener.onReady(this, fuelUnits);
    else if (this.#isRetired) this.close();
    else if (isSound) this.#becomeReady(fuelUnits);
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
    for (const job of [this.#job, this.#follower?.job]) {
      job?.fail(new EventFailure("agent-internal", `the thread of slot ${this.index} is gone: ${reason}`));
    }
    this.#job = null;
    this.#follower = null;
  }

  #onThreadLost(reason: string): void {
    if (this.#isRetired) this.close();
    if (this.#state === "closed" || this.#restart !== null) return;
    this.#state = "broken";
    this.#worker?.terminate();
    this.#worker = null;
    this.#restarts.recordFailedStart(0, performance.now());
    this.#log.error("a worker thread was lost; another one is started", { slot: this.index, reason });
    this.#restart = setTimeout(() => {
      this.#restart = null;
      this.#startThread();
    }, this.#restarts.remainingMs(performance.now()));
    this.returnFollower();
    this.#failJobs(reason);
    this.#listener.onLost();
  }
}
