/** What both protocols are given: the layer below, the log, and how this agent presents itself. */

import type { EventKind } from "../event/event.ts";
import type { EventReader } from "../event/event-reader.ts";
import type { EventSink } from "../event/event-sink.ts";
import type { Log } from "../telemetry/log.ts";
import type { RedirectEncoding } from "./redirect-encoding.ts";

/** What the handshake tells of the agent. Asked anew for each handshake, since the pool can be resized. */
export interface AgentProfile {
  readonly version: string;
  readonly handles: ReadonlySet<EventKind>;
  readonly acceptsConfig: boolean;
  readonly poolSize: number;
}

export interface ProtocolOptions {
  readonly events: EventSink;
  readonly log: Log;
  readonly redirectEncoding: RedirectEncoding;
  /** Of the ABI that serves at the moment; null when it reads decoded events. */
  reader(): EventReader | null;
  profile(): AgentProfile;
}
