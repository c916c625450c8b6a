/**
 * Entry point of a worker thread: one inline slot of its own, called by messages. Everything a slot knows (dropping a
 * broken instance, refilling, recycling) is the same code as on the socket's thread.
 */

import { prepareGuest } from "../abi/guest-recipe.ts";
import { EventFailure } from "../event/failure.ts";
import { PLAIN_ALLOW } from "../event/verdict.ts";
import { ModuleCounters } from "../telemetry/metrics/module-metrics.ts";
import { ReadClock } from "../telemetry/metrics/read-clock.ts";
import type { CallListener } from "./call-meter.ts";
import { PrefetchClaim } from "./prefetch-claim.ts";
import { InlineRing } from "./inline-ring.ts";
import { queueTimeout } from "./queue-timeout.ts";
import { forwardingLog } from "./thread-log.ts";
import type { FromWorker, ToWorker } from "./worker-message.ts";

declare const self: Worker;

type Call = ToWorker & { readonly type: "call" };

function post(message: FromWorker): void {
  self.postMessage(message);
}

/** Returns whether the guest's instance is healthy afterwards. */
function call(
  ring: InlineRing,
  counters: ModuleCounters,
  { event, deadlineAtMs }: Call,
  timeoutMs: number,
): boolean {
  let fuelUnits = 0;
  const listener: CallListener = {
    onCall: ({ kind, startedAtMs, endedAtMs, fuelUnits: used }) => {
      fuelUnits = used ?? 0;
      counters.recordCall(kind, endedAtMs - startedAtMs, used, 1);
    },
  };
  const spentMs = performance.now() - (deadlineAtMs - timeoutMs);
  counters.queueDuration.observe(Math.max(0, spentMs));
  const outcome =
    spentMs < timeoutMs ? ring.call(event, timeoutMs, 0, listener, spentMs) : queueTimeout(spentMs);
  counters.memoryBytes = ring.memoryBytes;
  const isHealthy = ring.idleCount > 0;
  const sentAtMs = performance.now();
  if (outcome instanceof EventFailure) {
    const { code, message, details } = outcome;
    post({ type: "failed", sentAtMs, code, message, details, fuelUnits, isHealthy });
  } else {
    const verdict = outcome === PLAIN_ALLOW ? null : outcome;
    post({ type: "answered", sentAtMs, verdict, fuelUnits, isHealthy });
  }
  return isHealthy;
}

async function start(
  message: ToWorker & { type: "start" },
  counters: ModuleCounters,
  onRefill: (isGood: boolean) => void,
): Promise<InlineRing> {
  const { factory } = await prepareGuest(message.recipe);
  if (factory.isStateful) throw new Error("a stateful guest was given to a worker of stateless ones");
  const settings = { ...message.settings, reportedFunctions: new Set<string>() };
  return new InlineRing({
    factory,
    size: 1,
    firstIndex: message.slot,
    settings,
    configJson: message.configJson,
    log: forwardingLog(message.debugEnabled, post),
    counters,
    clock: new ReadClock(),
    onRefill,
  });
}

function serve(): void {
  let ring: InlineRing | null = null;
  let timeoutMs = 0;
  let claim: PrefetchClaim | null = null;
  let counters: ModuleCounters | null = null;
  /** The ring was notified and takes the prefetched job back: it would fail here, and may succeed elsewhere. */
  let hasLostInstance = false;
  const onRefill = (isGood: boolean): void => {
    if (isGood) hasLostInstance = false;
    post({ type: isGood ? "refilled" : "refill-failed" });
  };
  /** A configuration that came while the guest was being prepared. */
  let laterConfigJson: string | null = null;
  self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
    switch (data.type) {
      case "start":
        timeoutMs = data.settings.timeoutMs;
        claim = new PrefetchClaim(data.prefetches);
        counters = new ModuleCounters(data.counters);
        start(data, counters, onRefill).then(
          (started) => {
            const refusal = laterConfigJson === null ? null : started.configure(laterConfigJson);
            if (refusal !== null) {
              started.close();
              post({ type: "start-failed", reason: refusal.message });
              return;
            }
            ring = started;
            const { timeOrigin: timeOriginMs } = performance;
            post({ type: "started", sentAtMs: performance.now(), timeOriginMs });
          },
          (error: unknown) =>
            post({ type: "start-failed", reason: error instanceof Error ? error.message : String(error) }),
        );
        return;
      case "call":
        if (ring === null || counters === null) return;
        if (data.ticket !== undefined && (hasLostInstance || !claim?.take(data.ticket))) return;
        hasLostInstance = !call(ring, counters, data, timeoutMs);
        return;
      case "configure":
        if (ring === null) laterConfigJson = data.configJson;
        else {
          const refusal = ring.configure(data.configJson);
          if (refusal === null) return;
          // The proxy was told that it holds: better no thread than one that goes on with what held before.
          ring.close();
          ring = null;
          post({ type: "start-failed", reason: refusal.message });
        }
        return;
    }
  };
}

serve();
