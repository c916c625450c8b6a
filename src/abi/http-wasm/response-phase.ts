/**
 * `handle_response` of one exchange. It runs with the response headers, suspended like `handle_request` if it reads a
 * body that is still to come; and exactly once, if need be when the exchange ends.
 */

import type { BodyEvent, ResponseHeadersEvent } from "../../event/event.ts";
import type { HeaderOp } from "../../event/header-ops.ts";
import { PLAIN_ALLOW, type Verdict } from "../../event/verdict.ts";
import { joined, NO_BYTES, textOf } from "./body.ts";
import type { ContextHost } from "./context-host.ts";
import { Feature } from "./features.ts";
import type { RunState } from "./handler-runner.ts";
import { GuestResponse, type HttpExchange } from "./http-exchange.ts";
import { missedBody } from "./missed-body.ts";
import { allow, answer } from "./verdicts.ts";

type State =
  /** The handler has not been called. */
  | "due"
  /** The headers are there; it runs when the body is, since it cannot be suspended. */
  | "deferred"
  | "suspended"
  | "over";

/** Whether the upstream's response has a body, or may have one at all. */
type BodyKind = "none" | "empty" | "some";

const SWITCHING_PROTOCOLS = 101;
const NO_CONTENT = 204;
const NOT_MODIFIED = 304;
const FRAMING_HEADERS: ReadonlySet<string> = new Set(["content-length", "transfer-encoding"]);

export class ResponsePhase {
  readonly #host: ContextHost;
  readonly #exchange: HttpExchange;
  readonly #guestContext: number;
  /** What `handle_request` wrote although the request went on: the upstream's body follows it. */
  readonly #prefix: Uint8Array | null;
  #state: State = "due";
  #sawLast = false;
  /** A part of the upstream's body is with the client. */
  #isForwarded = false;
  /** What takes the place of the body when its event comes. */
  #pending: { readonly bytes: Uint8Array; readonly isPrefix: boolean } | null = null;

  constructor(host: ContextHost, exchange: HttpExchange, guestContext: number) {
    this.#host = host;
    this.#exchange = exchange;
    this.#guestContext = guestContext;
    this.#prefix = exchange.response.writtenBody;
  }

  /** The handler has returned, or failed, and nothing of it is to be carried by a later event. */
  get isDone(): boolean {
    return this.#state === "over" && this.#pending === null;
  }

  /** Of the body. */
  get keptBytes(): number {
    return this.#exchange.response.keptBytes;
  }

  /** When the handler is over. */
  discardBody(): void {
    this.#exchange.response.discardBody(true);
  }

  onHeaders(event: ResponseHeadersEvent): Verdict {
    if (this.#state !== "due") return PLAIN_ALLOW;
    this.#useResponse(event);
    const bodyKind = bodyKindOf(event, this.#exchange.request.originalMethod);
    const follows = event.bodyFollows === true && bodyKind === "some";
    const awaitsBody = follows && this.#host.readsBodies && this.#exchange.has(Feature.bufferResponse);
    if (awaitsBody && !this.#host.canSuspend) {
      this.#state = "deferred";
      return PLAIN_ALLOW;
    }
    const state = this.#run(false, awaitsBody);
    if (state === "suspended") return allow({ responseHeaders: this.#takeOps() });
    return this.#verdictAtHeaders(bodyKind, follows);
  }

  onBody(event: BodyEvent): Verdict | Promise<Verdict> {
    if (this.#state === "over") return this.#afterwards(event);
    // The proxy sends no response headers to this agent.
    if (this.#state === "due") this.#useResponse(null);
    const body = this.#exchange.response.bodyReader;
    body.push(event.bytes);
    if (event.isLast) {
      this.#sawLast = true;
      body.end(event.context?.isTruncated === true);
    }
    if (this.#state !== "suspended") {
      if (!event.isLast) return this.#pass(event);
      this.#run(false, false);
      return this.#verdictAtBody(event);
    }
    if (this.#host.runner.isWaiting) return this.#pass(event);
    return this.#resume().then(() =>
      this.#state === "over" ? this.#verdictAtBody(event) : this.#pass(event),
    );
  }

  /** The exchange ends: the handler runs now, if it has not. Null when nothing is left to wait for. */
  finish(): Promise<void> | null {
    if (this.#state === "over") return null;
    if (this.#state === "suspended") {
      this.#exchange.response.bodyReader.end(false);
      return this.#resume();
    }
    this.#run(true, false);
    return null;
  }

  /** From here on, the upstream's. */
  #useResponse(event: ResponseHeadersEvent | null): void {
    const response = new GuestResponse(event);
    if (this.#prefix !== null) response.bodyReader.push(this.#prefix);
    this.#exchange.response = response;
  }

  #run(isError: boolean, maySuspend: boolean): RunState {
    // A handler that fails is over.
    this.#state = "over";
    const { runner } = this.#host;
    const state = runner.handleResponse(this.#exchange, this.#guestContext, isError, maySuspend);
    if (state === "suspended") this.#state = "suspended";
    return state;
  }

  async #resume(): Promise<void> {
    this.#state = "over";
    const state = await this.#host.runner.resume();
    if (state === "suspended") this.#state = "suspended";
  }

  #verdictAtHeaders(bodyKind: BodyKind, follows: boolean): Verdict {
    this.#assertNotRefused();
    const { response } = this.#exchange;
    const { lost } = this.#host;
    const written = response.writtenBody;
    if (response.status !== response.originalStatus)
      return answer(response, textOf(written ?? NO_BYTES), lost);
    if (follows) {
      if (written !== null) this.#pending = { bytes: written, isPrefix: false };
      else if (this.#prefix !== null) this.#pending = { bytes: this.#prefix, isPrefix: true };
      return allow({ responseHeaders: this.#takeOps() });
    }
    const whole = written ?? (bodyKind === "empty" ? this.#prefix : null);
    const isChanged = whole !== null && (whole.length > 0 || bodyKind === "some");
    if (isChanged && bodyKind !== "none") return answer(response, textOf(whole), lost);
    if (written === null && this.#prefix !== null && bodyKind === "some") lost.report("response-body-absent");
    return allow({ responseHeaders: this.#takeOps() });
  }

  #verdictAtBody(event: BodyEvent): Verdict {
    this.#assertNotRefused();
    const { response } = this.#exchange;
    const { lost } = this.#host;
    const written = response.writtenBody ?? this.#prefixed(event.bytes);
    if (response.status !== response.originalStatus) {
      return answer(response, written === null ? (textOf(event.bytes) ?? "") : textOf(written), lost);
    }
    if (response.bodyReader.isTruncated && response.bodyReader.wasReadToEnd) lost.report("response-body-cut");
    if (this.#takeOps().some(({ name }) => !FRAMING_HEADERS.has(name.toLowerCase())))
      lost.report("response-headers");
    return this.#replaced(event, written);
  }

  /** Of a body event after the handler. */
  #afterwards(event: BodyEvent): Verdict {
    const { bodyReader } = this.#exchange.response;
    if (!this.#sawLast && event.bytes.length > 0 && bodyReader.wasReadToEnd) throw missedBody(event);
    const pending = this.#pending;
    if (pending === null) return PLAIN_ALLOW;
    if (!event.isLast) return this.#pass(event);
    this.#pending = null;
    return this.#replaced(event, pending.isPrefix ? this.#prefixed(event.bytes) : pending.bytes);
  }

  /** `written` null leaves the body as it is. */
  #replaced(event: BodyEvent, written: Uint8Array | null): Verdict {
    if (written === null || Buffer.compare(written, event.bytes) === 0) return PLAIN_ALLOW;
    const { lost } = this.#host;
    if (this.#isForwarded) {
      lost.report("response-body-forwarded");
      return PLAIN_ALLOW;
    }
    // Proxies take an empty replacement for none.
    if (written.length === 0) return answer(this.#exchange.response, "", lost);
    if (event.context?.canReplace !== true) {
      lost.report("response-body-fixed");
      return PLAIN_ALLOW;
    }
    return allow({ replacement: written });
  }

  #pass(event: BodyEvent): Verdict {
    if (event.bytes.length > 0) this.#isForwarded = true;
    return PLAIN_ALLOW;
  }

  #prefixed(bytes: Uint8Array): Uint8Array | null {
    const prefix = this.#prefix;
    return prefix === null ? null : joined([prefix, bytes], prefix.length + bytes.length);
  }

  #takeOps(): readonly HeaderOp[] {
    return this.#exchange.response.headers.takeOps();
  }

  /** It fails one event, not those that follow. */
  #assertNotRefused(): void {
    const { refused } = this.#exchange;
    this.#exchange.refused = null;
    if (refused !== null) throw refused;
  }
}

function bodyKindOf({ status, headers }: ResponseHeadersEvent, method: string): BodyKind {
  if (method === "HEAD" || status === SWITCHING_PROTOCOLS) return "none";
  if (status === NO_CONTENT || status === NOT_MODIFIED) return "none";
  return headers["content-length"]?.[0] === "0" ? "empty" : "some";
}
