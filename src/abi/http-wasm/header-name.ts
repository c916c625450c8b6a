/** The name of a header field as a guest wrote it, with what is worth knowing about it more than once. */

import type { EventFailure } from "../../event/failure.ts";
import { headerNameFailure } from "../header-syntax.ts";

/** Names the place where the guest has them from, for messages. */
export const SET_BY_GUEST = "a header field that the module sets";

export class HeaderName {
  readonly text: string;
  /** In lower case, as names are compared. */
  readonly key: string;
  #failure: EventFailure | null | undefined;

  constructor(text: string) {
    this.text = text;
    this.key = text.toLowerCase();
  }

  /** Why HTTP cannot carry it; null when it can. */
  get failure(): EventFailure | null {
    if (this.#failure === undefined) this.#failure = headerNameFailure(this.text, SET_BY_GUEST);
    return this.#failure;
  }
}
