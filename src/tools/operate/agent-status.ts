/** What `GET /status` answers (docs/schema/status.json), as far as people are shown it. */

export interface AgentStatus {
  readonly version: string;
  readonly pid: number;
  readonly uptime_seconds: number;
  readonly phase: "starting" | "serving" | "draining";
  readonly ready: boolean;
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly fact: string }[];
  readonly socket: string;
  readonly module: {
    readonly name: string;
    readonly path: string;
    /** Absent, as what follows, until the module is loaded. */
    readonly sha256?: string;
    readonly abi?: string;
    readonly loaded_at?: string;
  };
  readonly fail_policy: "fail-open" | "fail-closed";
  readonly pool_size: number;
  readonly instances: { readonly idle: number; readonly busy: number; readonly empty: number };
  readonly threads: number;
  readonly memory: {
    readonly resident_bytes: number;
    readonly guest_bytes: number;
    readonly guest_limit_bytes: number | null;
  };
  readonly cpu_seconds: number;
  readonly events: {
    readonly in_flight: number;
    readonly cancelled: number;
    readonly answered: readonly AnsweredEvents[];
    readonly duration: Histogram;
  };
  readonly guest: {
    readonly duration: Histogram;
    readonly failures: Readonly<Record<string, number>>;
    readonly replacements: Readonly<Record<string, number>>;
    readonly inline_overruns: number;
  };
  readonly connections: { readonly v1: number; readonly v2: number; readonly unknown: number };
  readonly buffered_bytes: number;
  readonly takeovers: number;
  readonly exchanges: number;
  readonly reloads: { readonly success: number; readonly failure: number; readonly last_successful: boolean };
  readonly log_level: "info" | "debug";
}

export interface AnsweredEvents {
  readonly event: string;
  readonly decision: "allow" | "block" | "redirect";
  readonly decided_by: "guest" | "fail_policy" | "none";
  readonly count: number;
}

/** Not cumulative; one range more than bounds. */
export interface Histogram {
  readonly bounds_seconds: readonly number[];
  readonly counts: readonly number[];
}
