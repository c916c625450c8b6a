/**
 * A guest's side of one exchange (docs/http-wasm.md): first `handle_request`, then, if the request goes on,
 * `handle_response`. Events come one after the other; one that comes while a handler goes on waits for it.
 */

import type { ProxyEvent, RequestHeadersEvent, ResponseHeadersEvent } from "../../event/event.ts";
import { retain } from "../../event/event-text.ts";
import { PLAIN_ALLOW, type Verdict } from "../../event/verdict.ts";
import type { EndReason } from "../../exchange/end-reason.ts";
import type { GuestContext } from "../contract.ts";
import type { ContextHost } from "./context-host.ts";
import { RequestPhase } from "./request-phase.ts";
import { ResponsePhase } from "./response-phase.ts";
import { withResponseOps } from "./verdicts.ts";

type Later<T> = T | Promise<T>;

export class HttpWasmContext implements GuestContext {
  readonly #host: ContextHost;
  #request: RequestPhase | null = null;
  #response: ResponsePhase | null = null;
  /** A call that has not been answered; never rejects. */
  #inFlight: Promise<void> | null = null;
  /** What is counted for it. */
  #keptBytes = 0;
  #hasEnded = false;

  constructor(host: ContextHost) {
    this.#host = host;
  }

  get isDone(): boolean {
    const request = this.#request;
    if (request === null || !request.isOver || this.#inFlight !== null) return false;
    return !request.goesOn || this.#response?.isDone === true;
  }

  call(event: ProxyEvent, timeoutMs: number, spentMs = 0): Later<Verdict> {
    const before = this.#inFlight ?? this.#host.ending;
    if (before !== null) {
      const kept = retain(event);
      return this.#follow(before.then(() => this.#onEvent(kept, timeoutMs, spentMs)));
    }
    try {
      const outcome = this.#onEvent(event, timeoutMs, spentMs);
      return outcome instanceof Promise ? this.#follow(outcome) : outcome;
    } finally {
      this.#account();
    }
  }

  end(_reason: EndReason, timeoutMs: number): void {
    this.#hasEnded = true;
    this.#host.bodies.change(-this.#keptBytes);
    const ending =
      this.#inFlight === null
        ? this.#tryEnd(timeoutMs)
        : this.#inFlight.then(() => this.#tryEnd(timeoutMs) ?? undefined);
    if (ending === null) return;
    const ended: Promise<void> = ending.then(() => {
      if (this.#host.ending === ended) this.#host.ending = null;
      if (this.#host.runner.isBroken) this.#host.onBroken();
    });
    this.#host.ending = ended;
  }

  /** Null when nothing is left to wait for. What fails here fails no event. */
  #tryEnd(timeoutMs: number): Promise<void> | null {
    this.#host.runner.setTime(timeoutMs, 0);
    try {
      return this.#end()?.catch((error: unknown) => this.#host.reportEnd(error)) ?? null;
    } catch (error) {
      this.#host.reportEnd(error);
      return null;
    }
  }

  #follow(outcome: Promise<Verdict>): Promise<Verdict> {
    const settle = () => {
      if (this.#inFlight === settled) this.#inFlight = null;
      this.#account();
    };
    const settled: Promise<void> = outcome.then(settle, settle);
    this.#inFlight = settled;
    return outcome;
  }

  #onEvent(event: ProxyEvent, timeoutMs: number, spentMs: number): Later<Verdict> {
    this.#host.runner.setTime(timeoutMs, spentMs);
    switch (event.kind) {
      case "request-headers":
        if (this.#request !== null) return PLAIN_ALLOW;
        this.#request = new RequestPhase(this.#host, retain(event) as RequestHeadersEvent);
        return this.#request.onHeaders();
      case "request-body-chunk":
        this.#host.bodies.assertRoom(event.bytes.length);
        return this.#request?.onBody(event) ?? PLAIN_ALLOW;
      case "response-headers":
        return this.#onResponse((response) => response.onHeaders(retain(event) as ResponseHeadersEvent));
      case "response-body-chunk":
        this.#host.bodies.assertRoom(event.bytes.length);
        return this.#onResponse((response) => response.onBody(event));
      case "websocket-frame":
      case "guardrail-inspect":
      case "request-complete":
        return PLAIN_ALLOW;
      default:
        return event satisfies never;
    }
  }

  /** After each event: what was read and is not needed any more goes. */
  #account(): void {
    if (this.#hasEnded || this.#inFlight !== null) return;
    const request = this.#request;
    const isOver = this.isDone;
    if (request?.isOver === true) request.discardBody(isOver);
    if (isOver) this.#response?.discardBody();
    const keptBytes = (request?.keptBytes ?? 0) + (this.#response?.keptBytes ?? 0);
    this.#host.bodies.change(keptBytes - this.#keptBytes);
    this.#keptBytes = keptBytes;
  }

  #onResponse(run: (response: ResponsePhase) => Later<Verdict>): Later<Verdict> {
    const request = this.#request;
    if (request === null) return PLAIN_ALLOW;
    if (request.isOver) return this.#runResponse(request, run);
    // The upstream has answered before the body was there: the guest has seen no less than the upstream.
    const respond = (): Later<Verdict> => {
      const own = request.lateAnswer();
      if (own !== null) return own;
      const ops = request.takeLateOps();
      const verdict = this.#runResponse(request, run);
      return verdict instanceof Promise
        ? verdict.then((later) => withResponseOps(later, ops))
        : withResponseOps(verdict, ops);
    };
    return request.complete()?.then(respond) ?? respond();
  }

  #runResponse(request: RequestPhase, run: (response: ResponsePhase) => Later<Verdict>): Later<Verdict> {
    const response = this.#respond(request);
    return response === null ? PLAIN_ALLOW : run(response);
  }

  /** Null when the guest has answered the request itself. */
  #respond(request: RequestPhase): ResponsePhase | null {
    if (!request.goesOn) return null;
    this.#response ??= new ResponsePhase(this.#host, request.exchange, request.guestContext);
    return this.#response;
  }

  /** Null when nothing is left to wait for. @throws EventFailure */
  #end(): Promise<void> | null {
    const request = this.#request;
    if (request === null) return null;
    const finish = () => this.#respond(request)?.finish() ?? null;
    return (
      request
        .complete()
        ?.then(finish)
        .then(() => {}) ?? finish()
    );
  }
}
