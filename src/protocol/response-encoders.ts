/** The encoders of one event loop. */

import type { RedirectEncoding } from "./redirect-encoding.ts";
import { ResponseEncoder } from "./response-encoder.ts";

/** Shared by all sessions of an event loop, so that each verdict is spelled out once. */
export class ResponseEncoders {
  readonly v1: ResponseEncoder;
  readonly #v2 = new ResponseEncoder({ version: 2, hasTrueRedirect: false });
  readonly #v2Redirecting = new ResponseEncoder({ version: 2, hasTrueRedirect: true });

  constructor(redirectEncoding: RedirectEncoding) {
    this.v1 = new ResponseEncoder({ version: 1, hasTrueRedirect: redirectEncoding === "redirect" });
  }

  v2(hasTrueRedirect: boolean): ResponseEncoder {
    return hasTrueRedirect ? this.#v2Redirecting : this.#v2;
  }
}
