/**
 * How many bytes of bodies the guests of one module keep on a thread, all exchanges together. Clients decide how slowly a
 * body comes, so what waits for the rest of it is bounded.
 */

import { EventFailure } from "../../event/failure.ts";

export const MAX_KEPT_BYTES = 256 * 1024 * 1024;

export class BodyMemory {
  readonly #maxBytes: number;
  #keptBytes = 0;

  constructor(maxBytes = MAX_KEPT_BYTES) {
    this.#maxBytes = maxBytes;
  }

  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** @throws EventFailure `guest-body-memory` when there is no room for so many more. */
  assertRoom(bytes: number): void {
    if (this.#keptBytes + bytes <= this.#maxBytes) return;
    throw new EventFailure(
      "guest-body-memory",
      `bodies that the module waits for take more than ${this.#maxBytes} bytes; lower max-request-body-bytes in the proxy, or let it buffer bodies (request-body-mode)`,
    );
  }

  change(bytes: number): void {
    this.#keptBytes += bytes;
  }
}
