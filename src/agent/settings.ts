/**
 * Everything that can be set, parsed and checked. `cli/` makes it once from flags, environment and defaults; it is
 * frozen from then on. What a proxy pushes at run time lives elsewhere (agent/proxy-config.ts).
 */

import type { AbiName, OnUnsupported } from "../abi/abi-options.ts";
import type { EventKind } from "../event/event.ts";
import type { CalloutTarget } from "../host/callouts.ts";
import type { RedirectEncoding } from "../protocol/redirect-encoding.ts";
import type { PolicySettings } from "./policy-settings.ts";
import type { DispatchMode } from "../ring/ring.ts";

export type { DispatchMode, RedirectEncoding };
export type HeaderCase = "preserve" | "canonical";
export type { OnUnsupported };
export type LogFormat = "pretty" | "json";

/** `shared`: one instance serves many requests. `per-request`: each gets one that nobody used before. */
export type Isolation = "shared" | "per-request";

/** Most instances of a module that can be asked for, by option or by the proxy's configuration. */
export const MAX_POOL_SIZE = 256;

export interface Settings extends PolicySettings {
  readonly socketPath: string;
  readonly socketMode: number;
  readonly modulePath: string;
  /** Holds the module's configuration until a proxy pushes one; null for none. */
  readonly configPath: string | null;
  /** How the module is called; `auto` tells it from its exports and imports. */
  readonly abi: AbiName | "auto";
  readonly poolSize: number;
  readonly verbose: boolean;
  readonly failOpen: boolean;
  /** For one guest call: alloc, handler and dealloc together. */
  readonly timeoutMs: number;
  /** For instantiation and `_initialize`. */
  readonly startTimeoutMs: number;
  /** For all memories of one instance together; null leaves it to the module's ABI. */
  readonly maxMemoryBytes: number | null;
  /** False loads the module as it is: no deadline and no memory cap can be enforced then. */
  readonly limits: boolean;
  readonly logFormat: LogFormat;
  /** Lines that the guests of a slot may log in a second; 0 means all. */
  readonly guestLogRate: number;
  readonly headerCase: HeaderCase;
  readonly redirectEncoding: RedirectEncoding;
  /** What becomes of an event in which the module asks for something that no answer can carry. */
  readonly onUnsupported: OnUnsupported;
  /** Where guests may send HTTP requests. */
  readonly allowCallouts: readonly CalloutTarget[];
  readonly shutdownTimeoutMs: number;
  /** What the proxy is configured to send; null when nobody said. */
  readonly events: readonly EventKind[] | null;
  /** The state of an exchange ends when no event of it came for so long. */
  readonly exchangeTimeoutMs: number;
  /** More exchanges than these are not kept at a time. */
  readonly maxExchanges: number;
  /** Refuse requests whose bodies or WebSocket frames the module would inspect, but could not. */
  readonly strictInspection: boolean;
  readonly ignoreProxyConfig: boolean;
  /** Replace an instance after this many calls; 0 never does. */
  readonly recycleAfterCalls: number;
  /** Replace an instance whose memory has grown to this many bytes; 0 never does. */
  readonly recycleMemoryBytes: number;
  readonly isolation: Isolation;
  /** For http-wasm modules: an instance serves many exchanges at a time. */
  readonly shareInstances: boolean;
  readonly dispatch: DispatchMode;
  /** Take the socket and the connections of a running agent over instead of refusing to start. */
  readonly takeover: boolean;
  /** For unfinished frames and unread answers of all connections together. */
  readonly maxBufferedBytes: number;
  /** Where the admin endpoint listens: `none`, or null for the place beside the agent's own socket. */
  readonly adminSocketPath: string | null;
  /** A TCP address that the admin endpoint listens on as well, for looking only. */
  readonly adminAddress: { readonly hostname: string; readonly port: number } | null;
  /** A file that the metrics are written to; null for none. */
  readonly metricsPath: string | null;
  /** Where a line is written for each decision; `-` is standard output, null writes none. */
  readonly decisionLogPath: string | null;
  /** Of events that the module allows, the share that is written, 0 to 1. */
  readonly decisionLogSample: number;
  /** Where answered events are recorded; null records nothing. */
  readonly recordPath: string | null;
  /** Names of headers whose values are not recorded, in lower case. */
  readonly recordRedact: readonly string[];
  /** A recording ends when its file would grow beyond this. */
  readonly recordMaxBytes: number;
  /** Reload the module when its file changes. */
  readonly watch: boolean;
}
