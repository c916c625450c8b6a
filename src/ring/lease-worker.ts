/**
 * Entry point of a thread of stateful guests: instances with their exchanges, as on the event loop's thread, told by
 * messages which exchange an event belongs to.
 */

import { prepareGuest } from "../abi/guest-recipe.ts";
import { EventFailure } from "../event/failure.ts";
import { PLAIN_ALLOW, type Verdict } from "../event/verdict.ts";
import type { InstanceJob, Lease } from "../exchange/lease.ts";
import { openGrants } from "../host/grants.ts";
import { ModuleCounters } from "../telemetry/metrics/module-metrics.ts";
import { InlineLeases } from "./inline-leases.ts";
import type { FromLeaseThread, ToLeaseThread } from "./lease-message.ts";
import { exchangeLost } from "./leased-instance.ts";
import { PerExchangeFactory } from "./per-exchange-guest.ts";
import { queueTimeout } from "./queue-timeout.ts";
import { forwardingLog } from "./thread-log.ts";
import { toFailure } from "./to-failure.ts";

declare const self: Worker;

type Start = ToLeaseThread & { readonly type: "start" };
type Event = ToLeaseThread & { readonly type: "event" };

function post(message: FromLeaseThread): void {
  self.postMessage(message);
}

async function start(message: Start, counters: ModuleCounters): Promise<InlineLeases> {
  const { factory } = await prepareGuest(message.recipe);
  return new InlineLeases({
    factory: factory.isStateful ? factory : new PerExchangeFactory(factory),
    size: message.size,
    maxInstances: message.maxInstances,
    firstIndex: message.slot,
    settings: { ...message.settings, reportedFunctions: new Set<string>() },
    configJson: message.configJson,
    grants: openGrants(message.grants),
    log: forwardingLog(message.debugEnabled, post),
    counters,
    onCall: (fuelUnits) => {
      if (fuelUnits !== null) post({ type: "cost", fuelUnits });
    },
  });
}

class LeaseThread {
  readonly #leases = new Map<number, Lease>();
  #holder: InlineLeases | null = null;
  #counters = new ModuleCounters();
  #timeoutMs = 0;
  /** A configuration that came while the thread was starting. */
  #laterConfigJson: string | null = null;

  onMessage(message: ToLeaseThread): void {
    switch (message.type) {
      case "start":
        void this.#start(message);
        return;
      case "event":
        this.#onEvent(message);
        return;
      case "end":
        this.#leases.get(message.lease)?.end(message.reason);
        this.#leases.delete(message.lease);
        return;
      case "configure":
        if (this.#holder === null) this.#laterConfigJson = message.configJson;
        else this.#configure(message.configJson);
        return;
      default:
        message satisfies never;
    }
  }

  async #start(message: Start): Promise<void> {
    this.#timeoutMs = message.settings.timeoutMs;
    this.#counters = new ModuleCounters(message.counters);
    try {
      this.#holder = await start(message, this.#counters);
    } catch (error) {
      post({ type: "start-failed", reason: error instanceof Error ? error.message : String(error) });
      return;
    }
    if (this.#laterConfigJson !== null && !this.#configure(this.#laterConfigJson)) return;
    const { timeOrigin: timeOriginMs } = performance;
    post({ type: "started", sentAtMs: performance.now(), timeOriginMs });
  }

  /** The proxy was told that the configuration holds: better no thread than one that goes on with what held before. */
  #configure(configJson: string): boolean {
    const refusal = this.#holder!.configure(configJson);
    if (refusal === null) return true;
    post({ type: "start-failed", reason: refusal.message });
    return false;
  }

  #onEvent(message: Event): void {
    const job = answeringJob(message);
    const lateMs = performance.now() - message.deadlineAtMs;
    this.#counters.queueDuration.observe(Math.max(0, this.#timeoutMs + lateMs));
    if (lateMs >= 0) {
      job.fail(queueTimeout(this.#timeoutMs + lateMs));
      return;
    }
    if (message.isFirst) {
      const opened = this.#holder!.open();
      if (opened instanceof EventFailure) {
        job.fail(opened);
        return;
      }
      this.#leases.set(message.lease, opened);
    }
    const lease = this.#leases.get(message.lease);
    if (lease === undefined) job.fail(exchangeLost());
    else lease.submit(job);
    this.#counters.memoryBytes = this.#holder!.memoryBytes;
  }
}

function answeringJob({ job, event, deadlineAtMs }: Event): InstanceJob {
  return {
    event,
    isCancelled: false,
    deadlineAtMs,
    succeed: (verdict: Verdict) => {
      const sentAtMs = performance.now();
      post({ type: "answered", sentAtMs, job, verdict: verdict === PLAIN_ALLOW ? null : verdict });
    },
    fail: (failure: EventFailure) => {
      const { code, message, details } = toFailure(failure);
      post({ type: "failed", sentAtMs: performance.now(), job, code, message, details });
    },
  };
}

const thread = new LeaseThread();
self.onmessage = ({ data }: MessageEvent<ToLeaseThread>) => thread.onMessage(data);
