/**
 * The slots that live in threads of their own. Jobs wait in a queue while all are busy, so that as many guests run at
 * once as there are slots, and none is delayed by more than it must.
 *
 * The first of the queue wait at the slots themselves, prefetched, so that no thread pauses between two jobs. An idle slot
 * takes over the prefetched job of another; one that waits behind a long job goes back to its place in the queue.
 */

import { retain } from "../event/event-text.ts";
import type { Log } from "../telemetry/log.ts";
import type { ModuleMetrics } from "../telemetry/metrics/module-metrics.ts";
import type { InstanceStates } from "./instance-states.ts";
import { noInstance } from "./no-instance.ts";
import { queueTimeout } from "./queue-timeout.ts";
import type { RingJob } from "./ring-job.ts";
import type { SlotState } from "./slot-state.ts";
import type { WaitingJob } from "./waiting-job.ts";
import { type StartMessage, WorkerSlot, type WorkerSlotListener } from "./worker-slot.ts";

export interface WorkerRingOptions {
  readonly size: number;
  /** The message that starts a thread, with the configuration of the moment. */
  startMessage(slot: number): StartMessage;
  /** The time of an event, from its arrival to its answer. One that is still waiting then is not started any more. */
  readonly timeoutMs: number;
  /** What a finished job cost its guest. */
  onCost(fuelUnits: number): void;
  readonly log: Log;
  readonly metrics: ModuleMetrics;
}

/** A prefetched job that has waited for longer waits behind a long one. Calls as long as this are not prefetched for. */
const PREFETCH_PATIENCE_MS = 5;

export class WorkerRing implements WorkerSlotListener {
  readonly #options: WorkerRingOptions;
  readonly #slots: WorkerSlot[] = [];
  /** By age. While jobs wait here, no slot can take one. */
  readonly #waiting: WaitingJob[] = [];
  #hasBeenReady = false;
  #sweep: ReturnType<typeof setTimeout> | null = null;
  #prefetchCheck: ReturnType<typeof setTimeout> | null = null;
  /** Slots that have been closed, and whose threads are not gone yet. */
  readonly #ending = new Set<WorkerSlot>();
  #targetSize = 0;
  #isClosed = false;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(options: WorkerRingOptions) {
    this.#options = options;
    this.resize(options.size);
  }

  /** False until the first thread has started, and while all are broken. */
  get isReady(): boolean {
    return this.#slots.some(isHealthy);
  }

  /** The first threads are on their way. */
  get isStarting(): boolean {
    return !this.#hasBeenReady && this.#slots.some(({ isStarting }) => isStarting);
  }

  get readyCount(): number {
    return this.#slots.filter(isHealthy).length;
  }

  get instanceStates(): InstanceStates {
    const count = (state: SlotState) => this.#slots.filter((slot) => slot.state === state).length;
    return { idle: count("idle"), busy: count("busy"), empty: count("broken") };
  }

  get hasIdle(): boolean {
    return this.#slots.some(isIdle);
  }

  /** Nothing is running and nothing waits. */
  get isQuiet(): boolean {
    return this.#waiting.length === 0 && this.#slots.every((slot) => slot.state !== "busy");
  }

  /** `deadlineAtMs`: when the event's time is up, which began when it arrived. */
  submit(job: RingJob, deadlineAtMs: number): void {
    const next = { job, deadlineAtMs };
    const slot = this.#waiting.length === 0 ? this.#firstToTake() : undefined;
    if (slot !== undefined) this.#give(next, slot);
    else {
      retain(job.event);
      this.#waiting.push(next);
      this.#sweepLater();
    }
  }

  resize(size: number): void {
    this.#targetSize = size;
    for (const slot of this.#slots.splice(size)) {
      this.#ending.add(slot);
      void slot.ended.then(() => {
        this.#ending.delete(slot);
        this.#grow();
      });
      slot.retire();
    }
    this.#grow();
  }

  configure(configJson: string): void {
    for (const slot of this.#slots) slot.configure(configJson);
  }

  close(): void {
    this.#isClosed = true;
    if (this.#sweep !== null) clearTimeout(this.#sweep);
    this.#sweep = null;
    if (this.#prefetchCheck !== null) clearTimeout(this.#prefetchCheck);
    this.#prefetchCheck = null;
    const slots = this.#slots.splice(0);
    for (const slot of slots) slot.close();
    this.#ended = Promise.all([...slots, ...this.#ending].map((slot) => slot.ended));
  }

  /** Once closed: resolves when all threads are gone. */
  get ended(): Promise<unknown> {
    return this.#ended;
  }

  onReady(slot: WorkerSlot, fuelUnits: number | null): void {
    if (fuelUnits === null) this.#hasBeenReady = true;
    else this.#options.onCost(fuelUnits);
    this.#serve(slot);
  }

  onReturned(prefetched: WaitingJob): void {
    const younger = this.#waiting.findIndex(({ deadlineAtMs }) => deadlineAtMs > prefetched.deadlineAtMs);
    this.#waiting.splice(younger < 0 ? this.#waiting.length : younger, 0, prefetched);
    const slot = this.#firstToTake();
    if (slot !== undefined) this.#serve(slot);
    this.#sweepLater();
  }

  onLost(): void {
    if (this.isReady || this.isStarting) return;
    for (const { job } of this.#waiting.splice(0)) {
      if (!job.isCancelled) job.fail(noInstance());
    }
  }

  /** Threads end slower than they can be asked for: those that do still count, so that they never pile up. */
  #grow(): void {
    if (this.#isClosed) return;
    while (this.#slots.length + this.#ending.size < this.#targetSize) {
      const index = this.#slots.length;
      this.#slots.push(
        new WorkerSlot(
          index,
          () => this.#options.startMessage(index),
          this,
          this.#options.log,
          this.#options.metrics,
        ),
      );
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
    return this.#waiting.shift() ?? (isIdle(slot) ? this.#takePrefetchedBack() : null);
  }

  #takePrefetchedBack(): WaitingJob | null {
    for (const slot of this.#slots) {
      const prefetched = slot.takeBack();
      if (prefetched !== null) return prefetched;
    }
    return null;
  }

  #firstToTake(): WorkerSlot | undefined {
    return this.#slots.find(isIdle) ?? this.#slots.find(canTake);
  }

  #give(next: WaitingJob, slot: WorkerSlot): void {
    slot.take(next);
    this.#checkPrefetchedLater();
  }

  #checkPrefetchedLater(): void {
    if (this.#prefetchCheck !== null || !this.#slots.some(hasPrefetched)) return;
    this.#prefetchCheck = setTimeout(() => {
      this.#prefetchCheck = null;
      const longBeforeMs = performance.now() - PREFETCH_PATIENCE_MS;
      for (const slot of this.#slots) {
        if ((slot.prefetchedSinceMs ?? Number.POSITIVE_INFINITY) <= longBeforeMs) slot.returnPrefetched();
      }
      this.#checkPrefetchedLater();
    }, PREFETCH_PATIENCE_MS);
  }

  /** A slot may come back late or never; nobody waits without end for it. */
  #sweepLater(): void {
    if (this.#sweep !== null || this.#waiting.length === 0) return;
    const dueMs = this.#waiting[0]!.deadlineAtMs - performance.now();
    this.#sweep = setTimeout(
      () => {
        this.#sweep = null;
        const nowMs = performance.now();
        while (this.#waiting.length > 0 && nowMs >= this.#waiting[0]!.deadlineAtMs) {
          this.#expire(this.#waiting.shift()!, nowMs);
        }
        this.#sweepLater();
      },
      Math.max(0, dueMs),
    );
  }

  #start(next: WaitingJob, slot: WorkerSlot): void {
    const nowMs = performance.now();
    if (nowMs < next.deadlineAtMs) this.#give(next, slot);
    else this.#expire(next, nowMs);
  }

  #expire({ job, deadlineAtMs }: WaitingJob, nowMs: number): void {
    if (!job.isCancelled) job.fail(queueTimeout(nowMs - deadlineAtMs + this.#options.timeoutMs));
  }
}

function isIdle(slot: WorkerSlot): boolean {
  return slot.state === "idle";
}

function hasPrefetched(slot: WorkerSlot): boolean {
  return slot.prefetchedSinceMs !== null;
}

function canTake(slot: WorkerSlot): boolean {
  return slot.canTake;
}

function isHealthy(slot: WorkerSlot): boolean {
  return slot.state === "idle" || slot.state === "busy";
}
