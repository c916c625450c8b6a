/**
 * What the upstream gets of a request body, event by event. A body that may still be replaced is withheld until the
 * guest has decided, where the proxy allows it: pieces are dropped, and all of them go out in the place of one
 * (docs/agent-protocol.md 9.6).
 */

import type { BodyEvent } from "../../event/event.ts";
import { joined } from "./body.ts";
import type { LostChanges } from "./lost-changes.ts";

const DROPPED: Uint8Array = new Uint8Array(0);

export class RequestBodyOutput {
  readonly #mayReplace: boolean;
  readonly #lost: LostChanges;
  #text: TextDecoder | null = null;
  readonly #held: Uint8Array[] = [];
  #heldBytes = 0;
  /** The upstream has bytes of the client's body. */
  #isForwarded = false;
  #isWrittenOut = false;
  #sawLast = false;

  /** `mayReplace`: the guest has the function to write bodies at all. */
  constructor(mayReplace: boolean, lost: LostChanges) {
    this.#mayReplace = mayReplace;
    this.#lost = lost;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Of an event that comes while the guest has not decided. Returns the replacement, null for the event's own bytes. */
  beforeDecision(event: BodyEvent): Uint8Array | null {
    if (event.bytes.length === 0) return null;
    if (this.#canHold(event)) {
      this.#held.push(event.bytes);
      this.#heldBytes += event.bytes.length;
      return DROPPED;
    }
    return this.#release(event);
  }

  /**
   * The same for the event with which the guest decided, and for all that follow.
   *
   * @param written the guest's body; null leaves the client's as it is
   */
  afterDecision(event: BodyEvent, written: Uint8Array | null): Uint8Array | null {
    if (written === null) return this.#release(event);
    // The proxy sends the body once more: its upstream connection was lost.
    if (this.#sawLast) this.#isWrittenOut = false;
    this.#sawLast = event.isLast;
    if (event.context?.canReplace !== true) {
      this.#lost.report("request-body-buffered");
      return null;
    }
    if (this.#isForwarded) {
      this.#lost.report("request-body-forwarded");
      return null;
    }
    if (this.#isWrittenOut) return event.bytes.length === 0 ? null : DROPPED;
    this.#isWrittenOut = true;
    return written;
  }

  #canHold(event: BodyEvent): boolean {
    if (!this.#mayReplace || this.#isForwarded || event.context?.canReplace !== true) return false;
    this.#text ??= new TextDecoder("utf-8", { fatal: true });
    try {
      this.#text.decode(event.bytes, { stream: true });
      return true;
    } catch {
      // Bytes that are no text cannot be sent in the place of a later event.
      return false;
    }
  }

  /** What was held goes out together with this event. */
  #release(event: BodyEvent): Uint8Array | null {
    this.#isForwarded = true;
    if (this.#heldBytes === 0) return null;
    const all = joined([...this.#held, event.bytes], this.#heldBytes + event.bytes.length);
    this.#held.length = 0;
    this.#heldBytes = 0;
    return all;
  }
}
