/**
 * One live instance of a stateful guest on this thread, and the exchanges that are leased to it. When the instance is
 * lost, all of its leases are: their next events fail, and so do those that are paused.
 */

import type { GuestContext, StatefulGuest } from "../abi/contract.ts";
import { EventFailure } from "../event/failure.ts";
import type { Verdict } from "../event/verdict.ts";
import type { EndReason } from "../exchange/end-reason.ts";
import type { InstanceJob, Lease } from "../exchange/lease.ts";
import type { ReplacementReason } from "../telemetry/metrics/module-metrics.ts";
import type { CallMeter } from "./call-meter.ts";
import { madeTooLate } from "./no-instance.ts";
import { reasonOf } from "./replacement-reason.ts";
import { settle } from "./ring-job.ts";
import { toFailure } from "./to-failure.ts";

export interface LeasedInstanceOptions {
  readonly index: number;
  readonly guest: StatefulGuest;
  /** The time of an event. */
  readonly timeoutMs: number;
  readonly meter: CallMeter;
  /** Fuel of each call; null without limits. */
  onCall(fuelUnits: number | null): void;
  /** It serves no exchange any more, or it was lost. */
  onFree(instance: LeasedInstance): void;
}

export class LeasedInstance {
  readonly index: number;
  readonly #options: LeasedInstanceOptions;
  readonly #guest: StatefulGuest;
  readonly #leases = new Set<InstanceLease>();
  #calls = 0;
  #awaitedMs = 0;
  #isLost = false;
  #isRetired = false;
  #isClosed = false;

  constructor(options: LeasedInstanceOptions) {
    this.index = options.index;
    this.#options = options;
    this.#guest = options.guest;
  }

  /** It was made while an event waited for it, which is the first that it is called for; what it took is that one's time. */
  set awaitedMs(awaitedMs: number) {
    this.#awaitedMs = awaitedMs;
  }

  /** Events that it was called for. */
  get calls(): number {
    return this.#calls;
  }

  get leaseCount(): number {
    return this.#leases.size;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  /** It gets no new exchanges and closes when the last one ends. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  get isDueForRecycling(): boolean {
    return this.#guest.isDueForRecycling;
  }

  get memoryBytes(): number {
    return this.#guest.memoryBytes;
  }

  open(): InstanceLease {
    const lease = new InstanceLease(this, this.#guest.open());
    this.#leases.add(lease);
    return lease;
  }

  /** Ends the lease that has waited longest for an event, to make room for another exchange. */
  evictOldest(): boolean {
    for (const lease of this.#leases) {
      if (lease.isPaused) continue;
      lease.end("evicted");
      return true;
    }
    return false;
  }

  retire(): void {
    this.#isRetired = true;
    if (this.#leases.size > 0) return;
    this.close();
    this.#options.onFree(this);
  }

  /** Also what is leased ends, without a word to the guest. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#guest.close();
    this.#dropLeases();
  }

  /** The guest broke, in a call or in a timer of its own. */
  onBroken(reason: ReplacementReason = "trap"): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#options.meter.counters.countReplacement(reason);
    this.close();
    this.#options.onFree(this);
  }

  run(lease: InstanceLease, context: GuestContext, job: InstanceJob): void {
    const { timeoutMs, meter } = this.#options;
    const spentMs = this.#takeSpentMs(job);
    if (spentMs >= timeoutMs) {
      settle(job, madeTooLate(spentMs));
      return;
    }
    const wasDone = context.isDone === true;
    const isMetered = meter.wantsCall();
    const startedAtMs = isMetered ? performance.now() : 0;
    let outcome: Verdict | Promise<Verdict> | EventFailure;
    try {
      outcome = context.call(job.event, timeoutMs, spentMs);
    } catch (error) {
      outcome = toFailure(error);
    }
    if (wasDone && !(outcome instanceof Promise)) {
      settle(job, outcome);
      return;
    }
    this.#calls++;
    const fuelUnits = this.#guest.fuelUsed;
    if (isMetered)
      meter.onCall({ kind: job.event.kind, startedAtMs, endedAtMs: performance.now(), fuelUnits });
    this.#options.onCall(fuelUnits);
    // Before the job settles: what follows from its verdict must not reach a broken guest.
    if (this.#guest.isBroken) this.onBroken(outcome instanceof Promise ? "trap" : reasonOf(outcome));
    if (outcome instanceof Promise) lease.pause(job, outcome, timeoutMs, spentMs);
    else this.#settle(lease, context, job, outcome);
  }

  /** A paused event goes on: what the guest did meanwhile counts like a call. */
  resume(
    lease: InstanceLease,
    context: GuestContext,
    job: InstanceJob,
    outcome: Verdict | EventFailure,
  ): void {
    this.#options.onCall(this.#guest.fuelUsed);
    if (this.#guest.isBroken) this.onBroken(reasonOf(outcome));
    this.#settle(lease, context, job, outcome);
  }

  #settle(
    lease: InstanceLease,
    context: GuestContext,
    job: InstanceJob,
    outcome: Verdict | EventFailure,
  ): void {
    settle(job, outcome);
    // The guest has done with this exchange, though events of it may follow: the instance may serve another.
    if (context.isDone === true && this.#leases.delete(lease)) this.#onReleased();
  }

  /** How much of the event's time is gone. The clock is read only for one that has come from another thread. */
  #takeSpentMs({ deadlineAtMs }: InstanceJob): number {
    const awaitedMs = this.#awaitedMs;
    this.#awaitedMs = 0;
    if (deadlineAtMs === undefined) return awaitedMs;
    return this.#options.timeoutMs - (deadlineAtMs - performance.now());
  }

  /** Called by a lease, once. */
  release(lease: InstanceLease, context: GuestContext, reason: EndReason): void {
    if (!this.#leases.delete(lease)) return;
    if (!this.#isClosed && !this.#guest.isBroken) {
      context.end(reason, this.#options.timeoutMs);
      if (this.#guest.isBroken) {
        this.onBroken();
        return;
      }
    }
    this.#onReleased();
  }

  #onReleased(): void {
    if (this.#leases.size > 0 || this.#isLost) return;
    if (this.#isRetired) this.close();
    this.#options.onFree(this);
  }

  #dropLeases(): void {
    const leases = [...this.#leases];
    this.#leases.clear();
    for (const lease of leases) lease.drop();
  }
}

export class InstanceLease implements Lease {
  readonly #paused = new Map<InstanceJob, ReturnType<typeof setTimeout>>();
  /** Null when the lease is over: an exchange can outlive it, and must not hold the instance's memory. */
  #held: { readonly instance: LeasedInstance; readonly context: GuestContext } | null;

  constructor(instance: LeasedInstance, context: GuestContext) {
    this.#held = { instance, context };
  }

  get isOver(): boolean {
    return this.#held === null;
  }

  get isPaused(): boolean {
    return this.#paused.size > 0;
  }

  submit(job: InstanceJob): void {
    if (this.#held === null) job.fail(exchangeLost());
    else this.#held.instance.run(this, this.#held.context, job);
  }

  end(reason: EndReason): void {
    const held = this.#held;
    if (held === null) return;
    this.#held = null;
    held.instance.release(this, held.context, reason);
    this.#failPaused("its exchange ended");
  }

  /** The instance is gone; nothing of the guest is called. */
  drop(): void {
    this.#held = null;
    this.#failPaused("its instance is gone");
  }

  /** The guest answers later. Its time is bounded like that of a call. */
  pause(job: InstanceJob, verdict: Promise<Verdict>, timeoutMs: number, spentMs: number): void {
    if (this.#held === null) {
      verdict.catch(() => {});
      job.fail(exchangeLost());
      return;
    }
    const timer = setTimeout(() => {
      this.#paused.delete(job);
      job.fail(pausedTooLong(timeoutMs));
      this.end("idle");
    }, timeoutMs - spentMs);
    this.#paused.set(job, timer);
    verdict.then(
      (value) => this.#resume(job, value),
      (error: unknown) => this.#resume(job, toFailure(error)),
    );
  }

  #resume(job: InstanceJob, outcome: Verdict | EventFailure): void {
    const timer = this.#paused.get(job);
    if (timer === undefined) return;
    clearTimeout(timer);
    this.#paused.delete(job);
    if (this.#held === null) settle(job, outcome);
    else this.#held.instance.resume(this, this.#held.context, job, outcome);
  }

  #failPaused(reason: string): void {
    for (const [job, timer] of this.#paused) {
      clearTimeout(timer);
      job.fail(new EventFailure("exchange-lost", `the guest had paused the event, and ${reason}`));
    }
    this.#paused.clear();
  }
}

export function exchangeLost(): EventFailure {
  return new EventFailure(
    "exchange-lost",
    "the instance that held the state of this exchange is gone: it broke, was replaced, or had to make room",
  );
}

function pausedTooLong(timeoutMs: number): EventFailure {
  return new EventFailure(
    "guest-deadline",
    `the guest paused the event and did not go on within ${timeoutMs} ms, its time for one event`,
  );
}
