/**
 * `handle_request` of one exchange. It runs with the request headers. If it reads a body that is still to come, it is
 * suspended: the headers are answered with what it changed so far, and it goes on when the body is there.
 */

import type { BodyEvent, RequestHeadersEvent } from "../../event/event.ts";
import type { EventFailure } from "../../event/failure.ts";
import type { HeaderOp } from "../../event/header-ops.ts";
import { PLAIN_ALLOW, type Verdict } from "../../event/verdict.ts";
import type { ContextHost } from "./context-host.ts";
import { Feature } from "./features.ts";
import { type GuestResponse, HttpExchange } from "./http-exchange.ts";
import { missedBody } from "./missed-body.ts";
import { RequestBodyOutput } from "./request-body-output.ts";
import { allow, answer, requestLineChanges } from "./verdicts.ts";

type State =
  /** It runs when the body is there, since it cannot be suspended. */
  "deferred" | "suspended" | "over";

export class RequestPhase {
  readonly exchange: HttpExchange;
  readonly #host: ContextHost;
  /** Made for the first event with the body. */
  #output: RequestBodyOutput | null = null;
  /** What the guest wrote, once it has decided. */
  #written: Uint8Array | null = null;
  readonly #bodyFollows: boolean;
  #state: State = "over";
  #sawLast = false;
  #guestContext = 0;

  /** `event` is kept. */
  constructor(host: ContextHost, event: RequestHeadersEvent) {
    this.#host = host;
    this.exchange = new HttpExchange(event, host.features);
    this.#bodyFollows = event.bodyFollows === true;
  }

  /** The handler has returned, or failed. */
  get isOver(): boolean {
    return this.#state === "over";
  }

  /** It has returned, and the request goes on to the upstream. */
  get goesOn(): boolean {
    return this.exchange.isAfterNext;
  }

  /** The number that the handler gave, for `handle_response`. */
  get guestContext(): number {
    return this.#guestContext;
  }

  /** Of the body. */
  get keptBytes(): number {
    return this.exchange.request.keptBytes;
  }

  /** When the handler is over: what was read goes, and the rest unless `handle_response` may read it. */
  discardBody(isExchangeOver: boolean): void {
    const isWanted = !isExchangeOver && this.exchange.has(Feature.bufferRequest);
    this.exchange.request.discardBody(!isWanted);
  }

  onHeaders(): Verdict {
    const { readsBodies, canSuspend } = this.#host;
    const awaitsBody = this.#bodyFollows && readsBodies;
    if (awaitsBody && !canSuspend && this.exchange.has(Feature.bufferRequest)) {
      this.#state = "deferred";
      return PLAIN_ALLOW;
    }
    this.#run(awaitsBody && canSuspend);
    const { request, response } = this.exchange;
    if (this.#state === "suspended") {
      return allow({
        requestHeaders: request.headers.takeOps(),
        responseHeaders: response.headers.takeOps(),
      });
    }
    return this.#verdict(null);
  }

  onBody(event: BodyEvent): Verdict | Promise<Verdict> {
    const body = this.exchange.request.bodyReader;
    if (this.#state === "over") {
      if (!this.#sawLast && event.bytes.length > 0 && body.wasReadToEnd) throw missedBody(event);
      this.#sawLast ||= event.isLast;
      return allow({ replacement: this.#bodyOutput().afterDecision(event, this.#written) });
    }
    body.push(event.bytes);
    this.#sawLast ||= event.isLast;
    // What a proxy leaves out of a buffered event may never come, so it counts as the whole.
    if (event.isLast || event.totalBytes !== null) body.end(event.context?.isTruncated === true);
    if (this.#state === "deferred") {
      if (!body.isEnded) return allow({ replacement: this.#bodyOutput().beforeDecision(event) });
      this.#run(false);
      return this.#verdict(event);
    }
    if (this.#host.runner.isWaiting) return allow({ replacement: this.#bodyOutput().beforeDecision(event) });
    return this.#resume().then(() =>
      this.#state === "over"
        ? this.#verdict(event)
        : allow({
            replacement: this.#bodyOutput().beforeDecision(event),
            responseHeaders: this.exchange.response.headers.takeOps(),
          }),
    );
  }

  /** Nothing more of the body comes in time: lets the handler run to its end. Null when it has returned already. */
  complete(): Promise<void> | null {
    if (this.#state === "over") return null;
    this.exchange.request.bodyReader.end(false);
    if (this.#state === "suspended") return this.#resume();
    this.#run(false);
    return null;
  }

  /**
   * After `complete`, for the event that caused it: the guest's own answer, or null when the request has gone on.
   *
   * @throws EventFailure for what came too late.
   */
  lateAnswer(): Verdict | null {
    const { request, response, refused } = this.exchange;
    const { lost } = this.#host;
    if (refused !== null) throw this.#takeRefused(refused);
    if (!this.goesOn) return answer(response, ownText(response), lost);
    if (request.headers.takeOps().length > 0) lost.report("request-headers");
    if (request.writtenBody !== null) lost.report("request-body-absent");
    requestLineChanges(request, lost);
    return null;
  }

  /** Response headers that were set after the last verdict. */
  takeLateOps(): readonly HeaderOp[] {
    return this.exchange.response.headers.takeOps();
  }

  #bodyOutput(): RequestBodyOutput {
    this.#output ??= new RequestBodyOutput(this.#host.writesBodies, this.#host.lost);
    return this.#output;
  }

  #run(maySuspend: boolean): void {
    // A handler that fails is over.
    this.#state = "over";
    const state = this.#host.runner.handleRequest(this.exchange, maySuspend);
    if (state === "suspended") this.#state = "suspended";
    else this.#onReturned();
  }

  async #resume(): Promise<void> {
    const { runner } = this.#host;
    this.#state = "over";
    const state = await runner.resume();
    if (state === "suspended") this.#state = "suspended";
    else this.#onReturned();
  }

  #onReturned(): void {
    this.#guestContext = this.#host.runner.guestContext;
    this.exchange.isAfterNext = this.#host.runner.isNext;
  }

  /** For the event with which the handler returned; `event` null for the request headers. */
  #verdict(event: BodyEvent | null): Verdict {
    const { request, response, refused } = this.exchange;
    const { lost } = this.#host;
    if (refused !== null) throw this.#takeRefused(refused);
    if (!this.goesOn) return answer(response, ownText(response), lost);
    if (event !== null && request.bodyReader.isTruncated && request.bodyReader.wasReadToEnd) {
      lost.report("request-body-cut");
    }
    if (response.status !== response.originalStatus) lost.report("status");
    const routingMetadata = requestLineChanges(request, lost);
    const requestHeaders = request.headers.takeOps();
    const responseHeaders = response.headers.takeOps();
    this.#written = this.#changedBody();
    if (event === null) {
      if (this.#written !== null && !this.#bodyFollows) lost.report("request-body-absent");
      return allow({ requestHeaders, responseHeaders, routingMetadata });
    }
    // A buffered body may be one that the upstream has seen nothing of; a streamed one follows its headers.
    if (event.totalBytes === null && requestHeaders.length > 0) lost.report("request-headers");
    const replacement = this.#bodyOutput().afterDecision(event, this.#written);
    return allow({ requestHeaders, responseHeaders, routingMetadata, replacement });
  }

  /** Null when the guest wrote nothing, or what was there: some hosts lose a body that is not written back. */
  #changedBody(): Uint8Array | null {
    const written = this.exchange.request.writtenBody;
    if (written === null) return null;
    const { bodyReader } = this.exchange.request;
    if (!bodyReader.isEnded) return written;
    return Buffer.compare(written, bodyReader.toBytes()) === 0 ? null : written;
  }

  /** It fails one event, not those that follow. */
  #takeRefused(refused: EventFailure): EventFailure {
    this.exchange.refused = null;
    return refused;
  }
}

function ownText({ writtenText }: GuestResponse): string | undefined {
  return writtenText === null ? "" : writtenText;
}
