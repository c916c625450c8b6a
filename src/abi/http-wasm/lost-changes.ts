/**
 * What a guest asks for and no answer can carry (docs/http-wasm.md). The operator chooses what becomes of it: the event
 * fails, or it goes on without.
 */

import { EventFailure } from "../../event/failure.ts";
import type { Log } from "../../telemetry/log.ts";
import type { OnUnsupported } from "../abi-options.ts";

export const LOST_CHANGES = {
  uri: "the module changed the URI of a request, which no answer to the proxy can carry",
  method: "the module changed the method of a request, which no answer to the proxy can carry",
  "request-body-absent":
    "the module wrote a request body, but no event with the body follows in which it could be replaced",
  "request-body-buffered":
    "the module replaced a request body that the proxy forwards unchanged; set request-body-mode to stream to replace bodies",
  "request-body-forwarded":
    "the module replaced a request body of which a part has been forwarded already, since it is not UTF-8 text",
  "request-body-cut":
    "the module read a request body of which the proxy sent only the first part; use request-body-mode inspect-first or stream, or raise the proxy's limit",
  "request-headers":
    "the module changed request headers after it had read the body; the upstream has them already, unless request-body-mode is inspect-first",
  status: "the module set a status in handle_request and let the request go on; the upstream's status counts",
  "response-headers":
    "the module changed response headers after it had read the body; the proxy has sent them already",
  "response-body-absent":
    "the module wrote a response body that is followed by the upstream's, but no event with that body follows; subscribe to response_body",
  "response-body-cut":
    "the module read a response body of which the proxy sent only the first part; raise the proxy's max-response-body-bytes",
  "response-body-forwarded": "the module replaced a response body of which a part has been forwarded already",
  "response-body-fixed": "the module replaced a response body, and this proxy takes no replacements",
  "answer-not-text":
    "the module answered with a body that is not UTF-8 text, which the proxy's protocol cannot carry",
  "answer-cookies": "the module answered with several set-cookie headers, of which the proxy takes one value",
} as const;

export type LostChange = keyof typeof LOST_CHANGES;

export class LostChanges {
  readonly #policy: OnUnsupported;
  readonly #log: Log;
  readonly #reported: Set<string>;

  /** `reported`: what the log has named already; shared by the instances of one ring. */
  constructor(policy: OnUnsupported, log: Log, reported: Set<string>) {
    this.#policy = policy;
    this.#log = log;
    this.#reported = reported;
  }

  /** @throws EventFailure `guest-not-carried`, unless the operator wants to go on without the change. */
  report(change: LostChange): void {
    const sentence = LOST_CHANGES[change];
    if (this.#policy === "fail") {
      throw new EventFailure("guest-not-carried", `${sentence} (--on-unsupported warn goes on without it)`);
    }
    const key = `http-wasm ${change}`;
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    this.#log.warn("the event goes on without what the module asked for (said once)", { reason: sentence });
  }
}
