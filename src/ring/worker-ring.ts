/**
 * The slots that live in threads of their own. Jobs wait in line while all are busy, so that as many guests run at
 * once as there are slots, and none is delayed by more than it must.
 */

import { keptEvent } from "../event/event-text.ts";
import { EventFailure } from "../event/failure.ts";
import type { Log } from "../observe/log.ts";
import { noInstance } from "./no-instance.ts";
import type { RingJob } from "./ring-job.ts";
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

interface WaitingJob {
  readonly job: RingJob;
  readonly sinceMs: number;
}

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
    return this.#slots.some((slot) => slot.state === "idle");
  }

  /** Nothing is running and nothing waits. */
  get isQuiet(): boolean {
    return this.#waiting.length === 0 && this.#slots.every((slot) => slot.state !== "busy");
  }

  submit(job: RingJob): void {
    keptEvent(job.event);
    for (const slot of this.#slots) {
      if (slot.state === "idle") {
        slot.run(job);
        return;
      }
    }
    this.#waiting.push({ job, sinceMs: performance.now() });
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

  onIdle(slot: WorkerSlot, fuelUnits: number | null): void {
    if (fuelUnits === null) this.#firstReadyAtMs = Math.min(this.#firstReadyAtMs, performance.now());
    else this.#options.onCost(fuelUnits);
    while (slot.state === "idle") {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      if (!next.job.isCancelled) this.#start(next, slot);
    }
  }

  onLost(): void {
    if (this.isReady) return;
    for (const { job } of this.#waiting.splice(0)) {
      if (!job.isCancelled) job.fail(noInstance());
    }
  }

  /** A slot may come back late or never; nobody waits without end for it. */
  #sweepLater(): void {
    if (this.#sweep !== null || this.#waiting.length === 0) return;
    this.#sweep = setTimeout(() => {
      this.#sweep = null;
      const nowMs = performance.now();
      while (this.#waiting.length > 0 && nowMs - this.#waiting[0]!.sinceMs >= this.#sweepAfterMs) {
        const { job, sinceMs } = this.#waiting.shift()!;
        if (!job.isCancelled) job.fail(queueTimeout(nowMs - sinceMs));
      }
      this.#sweepLater();
    }, this.#sweepAfterMs);
  }

  get #sweepAfterMs(): number {
    return this.#options.maxWaitMs + THREAD_START_MS;
  }

  #start({ job, sinceMs }: WaitingJob, slot: WorkerSlot): void {
    const waitedMs = performance.now() - Math.max(sinceMs, this.#firstReadyAtMs);
    if (waitedMs <= this.#options.maxWaitMs) slot.run(job);
    else job.fail(queueTimeout(waitedMs));
  }
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
