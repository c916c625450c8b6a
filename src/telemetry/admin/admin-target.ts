/** What the admin endpoint shows and changes: a serving process, as far as an administrator may know it. */

import type { TailFilter, WriteLine } from "../event-tail.ts";
import type { MetricsPage } from "../metrics/metrics-page.ts";

export interface HealthCheck {
  readonly name: string;
  readonly isGood: boolean;
  /** A few words: how it is. */
  readonly fact: string;
}

export type ReloadResult =
  | { readonly isGood: true; readonly sha256: string }
  /** The module before goes on serving. */
  | { readonly isGood: false; readonly code: string; readonly problem: string };

export const ADMIN_LOG_LEVELS = ["info", "debug"] as const;

export type AdminLogLevel = (typeof ADMIN_LOG_LEVELS)[number];

export interface AdminTarget {
  collectMetrics(): MetricsPage;
  /** Events can be answered if all are good. */
  readinessChecks(): readonly HealthCheck[];
  /** As docs/schema/status.json describes it. */
  status(): object;
  /** Null while there is nothing to reload yet, or nothing any more. */
  reload(): Promise<ReloadResult> | null;
  logLevel: AdminLogLevel;
  /** A CPU profile as the browsers' tools read it; null while another one is taken. */
  profile(seconds: number): Promise<string> | null;
  /** Follows the verdicts until the result is called. */
  tail(filter: TailFilter, write: WriteLine): () => void;
}
