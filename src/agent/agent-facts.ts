/** What can be seen of a serving agent at one moment, beside what is counted: for metrics, health and status. */

import type { EndReason } from "../exchange/end-reason.ts";
import type { MetricReading } from "../host/metric-store.ts";
import type { InstanceStates } from "../ring/instance-states.ts";

export interface AgentFacts {
  readonly sha256: string;
  readonly abi: string;
  /** Milliseconds since the epoch. */
  readonly loadedAtMs: number;
  readonly failOpen: boolean;
  readonly poolSize: number;
  /** For all memories of one instance; null without limits. */
  readonly memoryLimitBytes: number | null;
  readonly instances: InstanceStates;
  /** Events can be answered: an instance is there, or one may be made at once. */
  readonly canServe: boolean;
  /** Worker threads that are ready. */
  readonly threads: number;
  /** Linear memory of the largest instance. */
  readonly memoryBytes: number;
  /** What the guest counts by itself. */
  readonly guestMetrics: readonly MetricReading[];
  readonly eventsInFlight: number;
  /** Unfinished frames and unread answers. */
  readonly bufferedBytes: number;
  readonly bufferPauses: number;
  readonly exchanges: ExchangeFacts;
  /** The proxy's last configuration was accepted, or there was none. */
  readonly isConfigured: boolean;
  /** How often a new process has gone on with the connections of the one before. */
  readonly takeovers: number;
}

export interface ExchangeFacts {
  readonly open: number;
  readonly opened: number;
  readonly ended: Readonly<Record<EndReason, number>>;
}
