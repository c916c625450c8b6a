/**
 * Who may talk to the playground: pages it served itself, with the token of the printed link. A page of any other origin
 * is refused, also one whose name was made to point at this machine (DNS rebinding).
 */

import { timingSafeEqual } from "node:crypto";
import type { Refusal } from "./page-messages.ts";

export interface GuardedRequest {
  readonly headers: Pick<Headers, "get">;
}

export class PlaygroundGuard {
  readonly #port: number;
  readonly #token: Buffer;

  constructor(port: number, token: string) {
    this.#port = port;
    this.#token = Buffer.from(token);
  }

  /** For everything, the page itself included. Null lets it pass. */
  refuseForeign({ headers }: GuardedRequest): Refusal | null {
    const host = headers.get("host") ?? "";
    if (!this.#names().includes(host)) {
      return refusal(
        "host-refused",
        "the playground answers to 127.0.0.1 and localhost only; open the printed link",
      );
    }
    const origin = headers.get("origin");
    if (origin !== null && !this.#names().some((name) => origin === `http://${name}`)) {
      return refusal("origin-refused", "pages of other origins may not use the playground");
    }
    return null;
  }

  /** For every call of the API, after `refuseForeign`. */
  refuseCall({ headers }: GuardedRequest): Refusal | null {
    const site = headers.get("sec-fetch-site");
    if (site !== null && site !== "same-origin" && site !== "none") {
      return refusal("origin-refused", "pages of other origins may not use the playground");
    }
    const [scheme, token = ""] = (headers.get("authorization") ?? "").split(" ");
    if (scheme !== "Bearer" || !this.#isToken(token)) {
      return refusal(
        "token-refused",
        "the token is missing or of another session; open the link that the session printed",
      );
    }
    return null;
  }

  #names(): readonly string[] {
    return [`127.0.0.1:${this.#port}`, `localhost:${this.#port}`];
  }

  #isToken(text: string): boolean {
    const given = Buffer.from(text);
    return given.length === this.#token.length && timingSafeEqual(given, this.#token);
  }
}

function refusal(code: string, message: string): Refusal {
  return { code, message };
}
