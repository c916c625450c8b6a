/** What an instance is given by the place that holds it. */

import type { Log } from "../telemetry/log.ts";
import type { LineRate } from "./imports/line-rate.ts";

export interface GuestHost {
  /** Number of the slot in its ring; marks the guest's log lines. */
  readonly slot: number;
  readonly log: Log;
  /** For instantiation and `_initialize`. */
  readonly startTimeoutMs: number;
  /** True drops what the guest writes: for instances that only warm up. */
  readonly isMuted: boolean;
  /** Bounds what the guests of one slot may write to the log, one after the other. */
  readonly lineRate: LineRate;
  /** Names of functions the log has already spoken of; shared by all instances of one ring. */
  readonly reportedFunctions: Set<string>;
  /**
   * The configuration that the instance is for, as JSON text; null for none. It is also handed over by `configure`; here it
   * is for guests that read it while they start.
   */
  readonly configJson?: string | null;
  /** The instance broke outside of a call that its owner made, in a timer of its own. */
  onBroken?(): void;
  /** Called with the name of a WASI function each time the guest calls it and is refused; for tools of authors. */
  readonly onRefusal?: (functionName: string) => void;
}
