/** What guests may have beside the event: shared data, queues, metrics, and calls to the upstreams that the operator named. */

import { type CalloutTarget, Callouts } from "./callouts.ts";
import { makeMetricMemory, type MetricMemory, MetricStore } from "./metric-store.ts";
import { SharedData } from "./shared-data.ts";
import { makeSharedMemory, type SharedMemory, SharedStore } from "./shared-memory.ts";
import { SharedQueues } from "./shared-queues.ts";

/** Plain values, to be sent to each thread that runs guests. Made once for the process. */
export interface GrantSettings {
  readonly shared: SharedMemory;
  readonly metrics: MetricMemory;
  readonly callouts: readonly CalloutTarget[];
}

/** One for each thread. */
export interface Grants {
  /** What it was opened from, for further threads. */
  readonly settings: GrantSettings;
  readonly sharedData: SharedData;
  readonly sharedQueues: SharedQueues;
  readonly metrics: MetricStore;
  readonly callouts: Callouts;
}

export function makeGrantSettings(callouts: readonly CalloutTarget[] = []): GrantSettings {
  return { shared: makeSharedMemory(), metrics: makeMetricMemory(), callouts };
}

export function openGrants(settings: GrantSettings): Grants {
  const store = new SharedStore(settings.shared);
  return {
    settings,
    sharedData: new SharedData(store),
    sharedQueues: new SharedQueues(store),
    metrics: new MetricStore(settings.metrics),
    callouts: new Callouts(settings.callouts),
  };
}
