/**
 * The slots that live in threads of their own. Jobs wait in line while all are busy, so that as many guests run at
 * once as there are slots, and none is delayed by more than it must.
 *
 * The first in line wait at the slots themselves, as followers, so that no thread pauses between two jobs. A follower
 * behind a long job is taken back as soon as another slot can have it.
 */

import { keptEvent } from "../event/event-text.ts";
import { EventFailure } from "../event/failure.ts";
import type { Log } from "../observe/log.ts";
import { noInstance } from "./no-instance.ts";
import type { RingJob } from "./ring-job.ts";
import type { WaitingJob } from "./waiting-job.ts";
import { type StartMessage, WorkerSlot, type WorkerSlotListener } from "./worker-slot.ts";

export interface WorkerRingOptions {
  readonly size: number;
  /** The message that starts a thread, with the configuration of the moment. */
  startMessage(slot: number): StartMessage;
  /** A job that has waited longer is not started any more: whoever asked has most likely given up. */
  readonly maxWaitMs: number;
  /** What a finished job cost its guest. */
  onCost(fuelUnits: number): void;
  readonly log: Log;
}

/** What starting the first thread may take beside the wait itself. */
const THREAD_START_MS = 1000;
/** A follower that has waited for longer stands behind a long job, and goes to the next slot that has ended one. */
const FOLLOWER_PATIENCE_MS = 5;

export class WorkerRing implements WorkerSlotListener {
  readonly #options: WorkerRingOptions;
  readonly #slots: WorkerSlot[] = [];
  readonly #waiting: WaitingJob[] = [];
  /** Threads are started when they are first needed; what that takes does not count as waiting. */
  #firstReadyAtMs = Number.POSITIVE_INFINITY;
  #sweep: ReturnType<typeof setTimeout> | null = null;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(options: WorkerRingOptions) {
    this.#options = options;
    this.resize(options.size);
  }

  /** False until the first thread has started, and while all are broken. */
  get isReady(): boolean {
    return this.#slots.some(isSound);
  }

  get readyCount(): number {
    return this.#slots.filter(isSound).length;
  }

  get hasIdle(): boolean {
    return this.#slots.some(isIdle);
  }

  /** Nothing is running and nothing waits. */
  get isQuiet(): boolean {
    return this.#waiting.length === 0 && this.#slots.every((slot) => slot.state !== "busy");
  }

  submit(job: RingJob): void {
    const next = { job, sinceMs: performance.now() };
    const slot = this.#slots.find(isIdle) ?? this.#slots.find(canTake);
    if (slot !== undefined) slot.take(next);
    else {
      keptEvent(job.event);
      this.#waiting.push(next);
    }
    this.#sweepLater();
  }

  resize(size: number): void {
    for (const slot of this.#slots.splice(size)) slot.retire();
    while (this.#slots.length < size) {
      const index = this.#slots.length;
      this.#slots.push(
        new WorkerSlot(index, () => this.#options.startMessage(index), this, this.#options.log),
      );
    }
  }

  configure(configJson: string): void {
    for (const slot of this.#slots) slot.configure(configJson);
  }

  close(): void {
    if (this.#sweep !== null) clearTimeout(this.#sweep);
    this.#sweep = null;
    const slots = this.#slots.splice(0);
    for (const slot of slots) slot.close();
    this.#ended = Promise.all(slots.map((slot) => slot.ended));
  }

  /** Once closed: resolves when all threads are gone. */
  get ended(): Promise<unknown> {
    return this.#ended;
  }

  onReady(slot: WorkerSlot, fuelUnits: number | null): void {
    if (fuelUnits === null) this.#firstReadyAtMs = Math.min(this.#firstReadyAtMs, performance.now());
    else this.#options.onCost(fuelUnits);
    this.#serve(slot);
  }

  onReturned(follower: WaitingJob): void {
    this.#waiting.unshift(follower);
    const slot = this.#slots.find(isIdle);
    if (slot !== undefined) this.#serve(slot);
  }

  onLost(): void {
    if (this.isReady) return;
    for (const { job } of this.#waiting.splice(0)) {
      if (!job.isCancelled) job.fail(noInstance());
    }
  }

  #serve(slot: WorkerSlot): void {
    while (slot.canTake) {
      const next = this.#nextFor(slot);
      if (next === null) return;
      if (!next.job.isCancelled) this.#start(next, slot);
    }
  }

  #nextFor(slot: WorkerSlot): WaitingJob | null {
    const longBeforeMs = performance.now() - FOLLOWER_PATIENCE_MS;
    return (
      this.#takeFollowerBack(longBeforeMs) ??
      this.#waiting.shift() ??
      (isIdle(slot) ? this.#takeFollowerBack(Number.POSITIVE_INFINITY) : null)
    );
  }

  /** One that has waited since before that time. */
  #takeFollowerBack(beforeMs: number): WaitingJob | null {
    for (const slot of this.#slots) {
      if (slot.followerSinceMs === null || slot.followerSinceMs > beforeMs) continue;
      const follower = slot.takeBack();
      if (follower !== null) return follower;
    }
    return null;
  }

  /** A slot may come back late or never; nobody waits without end for it. */
  #sweepLater(): void {
    if (this.#sweep !== null || !this.#hasJobsInLine) return;
    this.#sweep = setTimeout(() => {
      this.#sweep = null;
      const nowMs = performance.now();
      for (let late = this.#takeLate(nowMs); late !== null; late = this.#takeLate(nowMs)) {
        if (!late.job.isCancelled) late.job.fail(queueTimeout(nowMs - late.sinceMs));
      }
      this.#sweepLater();
    }, this.#sweepAfterMs);
  }

  get #hasJobsInLine(): boolean {
    return this.#waiting.length > 0 || this.#slots.some((slot) => slot.followerSinceMs !== null);
  }

  #takeLate(nowMs: number): WaitingJob | null {
    const longBeforeMs = nowMs - this.#sweepAfterMs;
    const isLate = this.#waiting.length > 0 && this.#waiting[0]!.sinceMs <= longBeforeMs;
    return this.#takeFollowerBack(longBeforeMs) ?? (isLate ? this.#waiting.shift()! : null);
  }

  get #sweepAfterMs(): number {
    return this.#options.maxWaitMs + THREAD_START_MS;
  }

  #start(next: WaitingJob, slot: WorkerSlot): void {
    const waitedMs = performance.now() - Math.max(next.sinceMs, this.#firstReadyAtMs);
    if (waitedMs <= this.#options.maxWaitMs) slot.take(next);
    else next.job.fail(queueTimeout(waitedMs));
  }
}

function isIdle(slot: WorkerSlot): boolean {
  return slot.state === "idle";
}

function canTake(slot: WorkerSlot): boolean {
  return slot.canTake;
}

function isSound(slot: WorkerSlot): boolean {
  return slot.state === "idle" || slot.state === "busy";
}

function queueTimeout(waitedMs: number): EventFailure {
  return new EventFailure(
    "queue-timeout",
    `the event waited ${Math.round(waitedMs)} ms for an instance; the module is too slow for this load, so raise --pool-size`,
  );
}
