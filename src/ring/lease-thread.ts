/** A worker thread of stateful guests, as the event loop sees it: leases on it, and events that wait for its answers. */

import { retain } from "../event/event-text.ts";
import { EventFailure } from "../event/failure.ts";
import { PLAIN_ALLOW, type Verdict } from "../event/verdict.ts";
import type { EndReason } from "../exchange/end-reason.ts";
import type { InstanceJob, Lease } from "../exchange/lease.ts";
import type { Log } from "../telemetry/log.ts";
import type { ModuleMetrics } from "../telemetry/metrics/module-metrics.ts";
import type { FromLeaseThread, LeaseStartMessage, ToLeaseThread } from "./lease-message.ts";
import { exchangeLost } from "./leased-instance.ts";
import { settle } from "./ring-job.ts";
import { ThreadClock } from "./thread-clock.ts";

export interface LeaseThreadOptions {
  readonly index: number;
  /** The message that starts the thread, with the configuration of the moment. */
  startMessage(): LeaseStartMessage;
  /** The time of an event, from its arrival to its answer. */
  readonly timeoutMs: number;
  onCost(fuelUnits: number): void;
  /** The thread has started, or it is gone: then it takes no exchanges any more. */
  onChange(thread: LeaseThread): void;
  readonly log: Log;
  readonly metrics: ModuleMetrics;
}

export class LeaseThread {
  readonly #options: LeaseThreadOptions;
  readonly #worker: Worker;
  readonly #jobs = new Map<number, InstanceJob>();
  readonly #leases = new Set<ThreadLease>();
  readonly #gone = Promise.withResolvers<void>();
  readonly #clock = new ThreadClock(performance.now());
  #nextJob = 1;
  #nextLease = 1;
  #hasStarted = false;
  #isGone = false;
  #isRetired = false;

  constructor(options: LeaseThreadOptions) {
    this.#options = options;
    const worker = new Worker(new URL("./lease-worker.ts", import.meta.url).href);
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<FromLeaseThread>) => this.#onMessage(data);
    worker.onerror = (event) => this.#onGone(event.message);
    worker.addEventListener("close", () => {
      this.#onGone("the thread ended");
      this.#gone.resolve();
    });
    const { metrics } = options;
    const counters = metrics.lend();
    void this.#gone.promise.then(() => metrics.giveBack(counters));
    this.post({ ...options.startMessage(), counters });
  }

  /** It has started and takes exchanges. */
  get isReady(): boolean {
    return this.#hasStarted && !this.#isGone && !this.#isRetired;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Events that were sent and are not answered yet. */
  get inFlight(): number {
    return this.#jobs.size;
  }

  get leaseCount(): number {
    return this.#leases.size;
  }

  /** Resolves when the thread has ended. */
  get ended(): Promise<void> {
    return this.#gone.promise;
  }

  open(): Lease {
    const lease = new ThreadLease(this, this.#nextLease++);
    this.#leases.add(lease);
    return lease;
  }

  configure(configJson: string): void {
    this.post({ type: "configure", configJson });
  }

  /** No new exchanges; the thread ends with the last open one. */
  retire(): void {
    this.#isRetired = true;
    this.#endIfUnused();
  }

  submit(job: InstanceJob, lease: number, isFirst: boolean): void {
    if (this.#isGone) {
      job.fail(exchangeLost());
      return;
    }
    const number = this.#nextJob++;
    this.#jobs.set(number, job);
    const deadlineAtMs = this.#clock.toOther(performance.now() + this.#options.timeoutMs);
    this.post({ type: "event", job: number, lease, isFirst, event: retain(job.event), deadlineAtMs });
  }

  release(lease: ThreadLease, number: number, reason: EndReason): void {
    this.#leases.delete(lease);
    if (!this.#isGone) this.post({ type: "end", lease: number, reason });
    this.#endIfUnused();
  }

  post(message: ToLeaseThread): void {
    this.#worker.postMessage(message);
  }

  #onMessage(message: FromLeaseThread): void {
    if ("sentAtMs" in message) this.#clock.observe(message.sentAtMs, performance.now());
    switch (message.type) {
      case "started":
        this.#hasStarted = true;
        this.#clock.suppose(message.timeOriginMs - performance.timeOrigin);
        this.#options.onChange(this);
        return;
      case "start-failed":
        this.#onGone(message.reason);
        return;
      case "answered":
        this.#settle(message.job, message.verdict ?? PLAIN_ALLOW);
        return;
      case "failed":
        this.#settle(
          message.job,
          new EventFailure(message.code, message.message, { details: message.details }),
        );
        return;
      case "cost":
        this.#options.onCost(message.fuelUnits);
        return;
      case "log":
        this.#options.log[message.level](message.message, message.fields);
        return;
      default:
        message satisfies never;
    }
  }

  #settle(number: number, outcome: Verdict | EventFailure): void {
    const job = this.#jobs.get(number);
    if (job === undefined) return;
    this.#jobs.delete(number);
    settle(job, outcome);
    this.#endIfUnused();
  }

  #endIfUnused(): void {
    if (this.#isRetired && !this.#isGone && this.#leases.size === 0 && this.#jobs.size === 0) {
      this.#isGone = true;
      this.#worker.terminate();
    }
  }

  #onGone(reason: string): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#options.metrics.own.countReplacement("thread");
    this.#worker.terminate();
    this.#options.log.error("a worker thread was lost; another one is started", {
      slot: this.#options.index,
      reason,
    });
    const jobs = [...this.#jobs.values()];
    this.#jobs.clear();
    this.#leases.clear();
    for (const job of jobs) {
      job.fail(
        new EventFailure("agent-internal", `the thread of slot ${this.#options.index} is gone: ${reason}`),
      );
    }
    this.#options.onChange(this);
  }
}

class ThreadLease implements Lease {
  readonly #thread: LeaseThread;
  readonly #number: number;
  #hasBegun = false;
  #isOver = false;

  constructor(thread: LeaseThread, number: number) {
    this.#thread = thread;
    this.#number = number;
  }

  get isOver(): boolean {
    return this.#isOver || this.#thread.isGone;
  }

  submit(job: InstanceJob): void {
    if (this.#isOver) {
      job.fail(exchangeLost());
      return;
    }
    const isFirst = !this.#hasBegun;
    this.#hasBegun = true;
    this.#thread.submit(job, this.#number, isFirst);
  }

  end(reason: EndReason): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#thread.release(this, this.#number, reason);
  }
}
