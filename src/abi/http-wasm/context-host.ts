/** What the contexts of one instance share. */

import type { BodyMemory } from "./body-memory.ts";
import type { HandlerRunner } from "./handler-runner.ts";
import type { LostChanges } from "./lost-changes.ts";

export interface ContextHost {
  readonly runner: HandlerRunner;
  readonly lost: LostChanges;
  /** Shared with the other instances of the module on this thread. */
  readonly bodies: BodyMemory;
  /** Enabled while the guest started. */
  readonly features: number;
  /** The module imports `read_body`. */
  readonly readsBodies: boolean;
  /** The module imports `write_body`. */
  readonly writesBodies: boolean;
  /** A handler that reads may be suspended. Not so where an instance serves several exchanges at a time: they share a stack. */
  readonly canSuspend: boolean;
  /** The end of an exchange that still runs. Until it resolves, no exchange may call the guest; it never rejects. */
  ending: Promise<void> | null;
  /** A handler failed at the end of an exchange, when no event waits for it. */
  reportEnd(error: unknown): void;
  /** The guest broke where no caller looks at it. */
  onBroken(): void;
}
