/** What both protocols are given: their neighbour, the log, and how this agent presents itself. */

import type { EventSink } from "../event/exchange.ts";
import type { Log } from "../telemetry/log.ts";
import type { EventTranscoder } from "./transcoder/event-transcoder.ts";
import type { RedirectEncoding } from "./redirect-encoding.ts";

/** What the handshake tells of the agent. Asked anew for each handshake, since the pool can be resized. */
export interface AgentProfile {
  readonly version: string;
  readonly handlesRequests: boolean;
  readonly handlesResponses: boolean;
  readonly acceptsConfig: boolean;
  readonly poolSize: number;
}

export interface ProtocolOptions {
  readonly events: EventSink;
  readonly log: Log;
  readonly redirectEncoding: RedirectEncoding;
  /** One for all connections of an event loop. */
  readonly transcoder: EventTranscoder;
  profile(): AgentProfile;
}
