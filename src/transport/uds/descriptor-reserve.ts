/**
 * Keeps descriptors free for what the agent does beside its connections: to load a module, to start a thread. With none
 * left the runtime would also try to accept the same connection again and again, with all of a processor and without a
 * word. So a connection that takes one of the last is closed at once, which its proxy notices at once.
 *
 * The system gives out the lowest descriptor that is free: the number of a new one tells how many are in use.
 */

import { descriptorLimit } from "../../os/descriptor-limit.ts";

const USUAL_RESERVE = 32;
/** Of a limit that is very low. */
const LARGEST_SHARE = 1 / 4;

export class DescriptorReserve {
  readonly #firstReserved: number;

  constructor(limit: number = descriptorLimit()) {
    this.#firstReserved = limit - Math.min(USUAL_RESERVE, Math.floor(limit * LARGEST_SHARE));
  }

  isReserved(fd: number): boolean {
    return fd >= this.#firstReserved;
  }
}
