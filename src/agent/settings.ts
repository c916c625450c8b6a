/**
 * Everything that can be set, parsed and checked. `cli/` makes it once from flags, environment and defaults; it is
 * frozen from then on. What a proxy pushes at run time lives elsewhere (agent/proxy-config.ts).
 */

export type RedirectEncoding = "auto" | "block" | "redirect";
export type HeaderCase = "preserve" | "canonical";
export type LogFormat = "pretty" | "json";

export interface Settings {
  readonly socketPath: string;
  readonly socketMode: number;
  readonly modulePath: string;
  readonly poolSize: number;
  readonly verbose: boolean;
  readonly failOpen: boolean;
  /** For one guest call: alloc, handler and dealloc together. */
  readonly timeoutMs: number;
  /** For instantiation and `_initialize`. */
  readonly startTimeoutMs: number;
  /** For all memories of one instance together. */
  readonly maxMemoryBytes: number;
  /** False loads the module as it is: no deadline and no memory cap can be enforced then. */
  readonly limits: boolean;
  readonly logFormat: LogFormat;
  readonly headerCase: HeaderCase;
  readonly redirectEncoding: RedirectEncoding;
  readonly shutdownTimeoutMs: number;
  readonly ignoreProxyConfig: boolean;
}
