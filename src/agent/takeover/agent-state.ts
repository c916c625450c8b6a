/** What an agent knows beside its connections, as the one that takes over needs it. Plain JSON. */

import * as v from "valibot";
import type { RequestHeadersEvent } from "../../event/event.ts";
import type { SavedExchange } from "../../exchange/exchange-table.ts";
import type { SavedCells } from "../../telemetry/metrics/cell-block.ts";

export interface AgentState {
  /** The configuration that the proxy pushed and the agent accepted, as JSON; null when there was none. */
  readonly proxyConfig: string | null;
  /** They go on counting in the new process. */
  readonly counters: SavedCells;
  /** Those that no instance holds state for, oldest first. */
  readonly exchanges: readonly SavedExchange[];
  /** How often a new process has taken over since the first one started. */
  readonly takeovers: number;
}

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const headerOp = v.variant("op", [
  v.object({ op: v.picklist(["set", "add"]), name: v.string(), value: v.string() }),
  v.object({ op: v.literal("remove"), name: v.string() }),
]);

const request = v.union([
  v.object({ kind: v.literal("request-text"), json: v.string() }),
  v.custom<RequestHeadersEvent>(isRequest),
]);

export const agentStateSchema = v.object({
  proxyConfig: v.nullable(v.string()),
  counters: v.record(v.string(), v.array(v.pipe(v.number(), v.finite()))),
  exchanges: v.array(
    v.object({
      correlationId: v.string(),
      request: v.nullable(request),
      deferredOps: v.array(headerOp),
      requestBody: v.object({
        stage: v.picklist(["none", "head", "pieces", "ended"]),
        forwardedBytes: count,
        isReplaced: v.boolean(),
      }),
    }),
  ),
  takeovers: count,
}) satisfies v.GenericSchema<unknown, AgentState>;

/** By hand, since a header may have any name, such as `__proto__`. */
function isRequest(value: unknown): boolean {
  const { kind, correlationId, method, uri, headers, metadata } = (value ?? {}) as Record<string, unknown>;
  const texts = [correlationId, method, uri];
  return (
    kind === "request-headers" &&
    texts.every((text) => typeof text === "string") &&
    isObject(metadata) &&
    isObject(headers) &&
    Object.values(headers).every(
      (values) => Array.isArray(values) && values.every((text) => typeof text === "string"),
    )
  );
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
