/** Where exchanges of stateful guests are opened: on this thread, or on others. */

import type { EventFailure } from "../event/failure.ts";
import type { Lease } from "../exchange/lease.ts";

export interface LeaseHolder {
  /** A lease for a new exchange, or why there is none. Nothing of the guest has run for it. */
  open(): Lease | EventFailure;
  /** Null accepts; a refusal changes nothing. */
  configure(configJson: string): EventFailure | null;
  resize(size: number): void;
  /** No new exchanges; the open ones go on to their end. */
  close(): void;
  /** Resolves when it was closed and the last exchange has ended. */
  readonly ended: Promise<void>;
}
