/** Metrics (docs/proxy-wasm.md 10). */

import { METRIC_KINDS, type MetricOutcome } from "../../../host/metric-store.ts";
import type { ImportFunctions } from "../../../wasm/imports/import-functions.ts";
import { Status } from "../abi-numbers.ts";
import type { PluginState } from "../plugin-state.ts";

const DEFINE_WORK = 1000;
const MAX_NAME_BYTES = 512;
/** The id of every metric for which there is no room: it takes all and keeps nothing, since few guests survive an error. */
const NOWHERE = 0xffff_ffff;

export function metricFunctions(state: PluginState): ImportFunctions {
  const { metrics } = state.grants;
  return {
    proxy_define_metric(kind: number, namePointer: number, nameSize: number, idAt: number): number {
      state.assertCallback("proxy_define_metric");
      const kindName = METRIC_KINDS[kind >>> 0];
      if (kindName === undefined) return Status.badArgument;
      const at = namePointer >>> 0;
      const bytes = nameSize >>> 0;
      const result = idAt >>> 0;
      const memory = state.memory;
      if (!memory.holds(at, bytes) || !memory.holds(result, 4)) return Status.invalidMemoryAccess;
      state.imports.work(DEFINE_WORK + bytes);
      const id = bytes > MAX_NAME_BYTES ? null : metrics.define(kindName, memory.readLoosely(at, bytes));
      if (id === null) state.reportFull("the table of metrics");
      memory.data.setUint32(result, id ?? NOWHERE, true);
      return Status.ok;
    },

    proxy_increment_metric(id: number, delta: bigint): number {
      state.assertCallback("proxy_increment_metric");
      return id >>> 0 === NOWHERE ? Status.ok : statusOf(metrics.increment(id >>> 0, delta));
    },

    proxy_record_metric(id: number, value: bigint): number {
      state.assertCallback("proxy_record_metric");
      return id >>> 0 === NOWHERE ? Status.ok : statusOf(metrics.record(id >>> 0, value));
    },

    proxy_get_metric(id: number, valueAt: number): number {
      state.assertCallback("proxy_get_metric");
      const at = valueAt >>> 0;
      const memory = state.memory;
      if (!memory.holds(at, 8)) return Status.invalidMemoryAccess;
      const value = id >>> 0 === NOWHERE ? 0n : metrics.read(id >>> 0);
      if (typeof value === "string") return statusOf(value);
      memory.data.setBigUint64(at, value, true);
      return Status.ok;
    },
  };
}

function statusOf(outcome: MetricOutcome): number {
  return outcome === "done" ? Status.ok : outcome === "unknown" ? Status.notFound : Status.badArgument;
}
