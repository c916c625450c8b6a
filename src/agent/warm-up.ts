/**
 * Exercises a module before the socket exists, since cold guest code is many times slower than warm code and the
 * proxy's timeouts are short (docs/design.md 4.4). It happens on an instance of its own that is thrown away: compiled
 * code is shared by all instances of a module, guest state is not.
 */

import type {
  GuestFactory,
  GuestInstance,
  StatefulGuest,
  StatefulHost,
  StatelessGuest,
} from "../abi/contract.ts";
import type { HeadersEvent } from "../event/event.ts";
import { EventFailure } from "../event/failure.ts";
import { makeGrantSettings, openGrants } from "../host/grants.ts";
import type { Log } from "../telemetry/log.ts";
import { LineRate } from "../wasm/imports/line-rate.ts";

export interface WarmUpOptions {
  readonly timeoutMs: number;
  readonly startTimeoutMs: number;
  /** What the guest is configured with before it is exercised; null for nothing. */
  readonly configJson: string | null;
  readonly log: Log;
}

/** Enough for the engine's compilers to take notice, and little enough not to be felt at start. */
const BUDGET_MS = 4;
const MAX_ROUNDS = 400;

const SAMPLE_EVENTS: readonly HeadersEvent[] = [
  {
    kind: "request-headers",
    correlationId: "warm-up",
    method: "GET",
    uri: "/warm-up?page=1",
    headers: {
      accept: ["text/html,application/xhtml+xml"],
      "accept-encoding": ["gzip, deflate, br"],
      "accept-language": ["en"],
      host: ["localhost"],
      "user-agent": ["Mozilla/5.0 (X11; Linux x86_64)"],
      "x-correlation-id": ["warm-up"],
    },
    metadata: {
      requestId: "warm-up",
      clientAddress: "127.0.0.1",
      clientPort: 0,
      serverName: null,
      httpVersion: "HTTP/1.1",
      tlsVersion: null,
      tlsCipher: null,
      routeId: null,
      upstreamId: null,
      timestamp: "2026-01-01T00:00:00+00:00",
      traceparent: null,
    },
  },
  {
    kind: "response-headers",
    correlationId: "warm-up",
    status: 200,
    headers: { "content-type": ["text/html"], server: ["warm-up"] },
  },
];

/**
 * A guest that fails on a sample is only warned about: it may need a configuration that comes later.
 *
 * @throws ModuleError when no instance can be made.
 */
export function warmUp(factory: GuestFactory, options: WarmUpOptions): void {
  const host: StatefulHost = {
    slot: 0,
    log: options.log,
    startTimeoutMs: options.startTimeoutMs,
    isMuted: true,
    lineRate: new LineRate(),
    reportedFunctions: new Set(),
    configJson: options.configJson,
    timeoutMs: options.timeoutMs,
    // Nothing that an exercise does reaches other guests, or the network.
    grants: openGrants(makeGrantSettings()),
  };
  const events = SAMPLE_EVENTS.filter(({ kind }) => factory.handles.has(kind));
  try {
    if (factory.isStateful) exercise(factory.instantiate(host), options, warmUpStateful, events);
    else exercise(factory.instantiate(host), options, warmUpStateless, events);
  } catch (error) {
    if (!(error instanceof EventFailure)) throw error;
    options.log.warn("the module failed on a sample event while warming up; it is served all the same", {
      code: error.code,
      reason: error.message,
    });
  }
}

function exercise<Guest extends GuestInstance>(
  instance: Guest,
  options: WarmUpOptions,
  warmUpGuest: (instance: Guest, events: readonly HeadersEvent[], timeoutMs: number) => void,
  events: readonly HeadersEvent[],
): void {
  try {
    if (isConfigured(instance, options)) warmUpGuest(instance, events, options.timeoutMs);
  } finally {
    instance.close();
  }
}

/** False: the guest refuses its configuration, as it does again where that counts. */
function isConfigured(instance: GuestInstance, { configJson, startTimeoutMs }: WarmUpOptions): boolean {
  return configJson === null || instance.configure(configJson, startTimeoutMs) === null;
}

function warmUpStateless(instance: StatelessGuest, events: readonly HeadersEvent[], timeoutMs: number): void {
  repeat(() => {
    for (const event of events) instance.call(event, timeoutMs);
  });
}

/** A guest that pauses is not waited for: the end of its exchange ends the pause. */
function warmUpStateful(instance: StatefulGuest, events: readonly HeadersEvent[], timeoutMs: number): void {
  repeat(() => {
    const context = instance.open();
    for (const event of events) void Promise.resolve(context.call(event, timeoutMs)).catch(() => {});
    context.end("finished", timeoutMs);
  });
}

function repeat(round: () => void): void {
  const endAtMs = performance.now() + BUDGET_MS;
  for (let done = 0; done < MAX_ROUNDS && performance.now() < endAtMs; done++) round();
}
