/**
 * Calls the two handlers of one instance, one call at a time, with the deadline, fuel and failures of every guest call.
 *
 * A handler that reads a body which has not come is suspended: its stack is put aside until the body is there, and the
 * thread goes on. Each stretch between two suspensions has the whole time of a call.
 */

import { assertEndedWell, assertInTime } from "../../wasm/call-end.ts";
import { EventFailure } from "../../event/failure.ts";
import type { StartedInstance } from "../../wasm/start-instance.ts";
import { toEventFailure } from "../../wasm/trap.ts";
import type { CallState } from "./call-state.ts";
import { HANDLE_REQUEST, HANDLE_RESPONSE, type Handlers } from "./handlers.ts";
import type { HttpExchange } from "./http-exchange.ts";

/** `suspended`: it waits for a body, and `resume` continues it. */
export type RunState = "returned" | "suspended";

type HandlerName = typeof HANDLE_REQUEST | typeof HANDLE_RESPONSE;

interface SuspendedRun {
  readonly handler: HandlerName;
  readonly exchange: HttpExchange;
}

export class HandlerRunner {
  readonly #started: StartedInstance;
  readonly #state: CallState;
  readonly #handlers: Handlers;
  #isBroken = false;
  #timeoutMs = Number.POSITIVE_INFINITY;
  #spentMs = 0;
  #guestContext = 0;
  #isNext = false;
  /** The handler that was suspended, until it has returned. */
  #run: SuspendedRun | null = null;
  /** Continues it. */
  #suspension: PromiseWithResolvers<void> | null = null;
  /** Of a stretch that was resumed: settled when it stops. */
  #stretch: PromiseWithResolvers<RunState> | null = null;

  constructor(started: StartedInstance, state: CallState, handlers: Handlers) {
    this.#started = started;
    this.#state = state;
    this.#handlers = handlers;
  }

  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** The handler is suspended, and what has come is not enough for it to go on. */
  get isWaiting(): boolean {
    const { awaited } = this.#state;
    return this.#suspension !== null && awaited !== null && !awaited.body.canFill(awaited.limitBytes);
  }

  /** Of the last `handle_request` that returned: the number that `handle_response` gets. */
  get guestContext(): number {
    return this.#guestContext;
  }

  /** The same: false when the guest has answered the request itself. */
  get isNext(): boolean {
    return this.#isNext;
  }

  /** For the calls that follow: how long each may take, and how much of that is gone already. */
  setTime(timeoutMs: number, spentMs: number): void {
    this.#timeoutMs = timeoutMs;
    this.#spentMs = spentMs;
  }

  /** @throws EventFailure; the instance is lost then. */
  handleRequest(exchange: HttpExchange, maySuspend: boolean): RunState {
    this.#enter(exchange, maySuspend);
    const { request } = this.#handlers;
    if (maySuspend) return this.#runSuspendable(HANDLE_REQUEST, exchange, () => request.runSuspendable());
    try {
      this.#onReturned(HANDLE_REQUEST, request.run());
    } catch (thrown) {
      throw this.#fail(HANDLE_REQUEST, thrown);
    } finally {
      this.#leave();
    }
    return "returned";
  }

  /** @throws EventFailure; the instance is lost then. */
  handleResponse(
    exchange: HttpExchange,
    guestContext: number,
    isError: boolean,
    maySuspend: boolean,
  ): RunState {
    this.#enter(exchange, maySuspend);
    const { response } = this.#handlers;
    const error = isError ? 1 : 0;
    if (maySuspend) {
      return this.#runSuspendable(HANDLE_RESPONSE, exchange, () =>
        response.runSuspendable(guestContext, error),
      );
    }
    try {
      this.#onReturned(HANDLE_RESPONSE, response.run(guestContext, error));
    } catch (thrown) {
      throw this.#fail(HANDLE_RESPONSE, thrown);
    } finally {
      this.#leave();
    }
    return "returned";
  }

  /** Continues the suspended handler until it returns, or waits again. Rejects with EventFailure; the instance is lost then. */
  resume(): Promise<RunState> {
    const suspension = this.#suspension;
    const run = this.#run;
    if (suspension === null || run === null) throw new Error("BUG: no handler is suspended");
    const stretch = Promise.withResolvers<RunState>();
    this.#suspension = null;
    this.#stretch = stretch;
    this.#arm(run.exchange, true);
    suspension.resolve();
    return stretch.promise;
  }

  /** The import that suspends. */
  readonly wait = (): Promise<void> => {
    const suspension = Promise.withResolvers<void>();
    this.#suspension = suspension;
    const stretch = this.#stretch;
    this.#stretch = null;
    this.#leave();
    stretch?.resolve("suspended");
    return suspension.promise;
  };

  #runSuspendable(handler: HandlerName, exchange: HttpExchange, start: () => Promise<unknown>): RunState {
    const result = start();
    if (this.#suspension !== null) {
      this.#run = { handler, exchange };
      result.then(
        (raw) => this.#endStretch(handler, raw),
        (thrown: unknown) => this.#breakStretch(handler, thrown),
      );
      return "suspended";
    }
    try {
      // It has returned or trapped by now: what became of it need not be waited for.
      const raw: unknown = Bun.peek(result);
      if (Bun.peek.status(result) === "rejected") {
        result.catch(() => {});
        throw raw;
      }
      this.#onReturned(handler, raw);
    } catch (thrown) {
      throw this.#fail(handler, thrown);
    } finally {
      this.#leave();
    }
    return "returned";
  }

  #endStretch(handler: HandlerName, raw: unknown): void {
    const stretch = this.#takeStretch();
    try {
      this.#onReturned(handler, raw);
      stretch.resolve("returned");
    } catch (thrown) {
      stretch.reject(this.#fail(handler, thrown));
    } finally {
      this.#leave();
    }
  }

  #breakStretch(handler: HandlerName, thrown: unknown): void {
    const stretch = this.#takeStretch();
    stretch.reject(this.#fail(handler, thrown));
    this.#leave();
  }

  #takeStretch(): PromiseWithResolvers<RunState> {
    const stretch = this.#stretch;
    if (stretch === null) throw new Error("BUG: a handler went on without having been resumed");
    this.#stretch = null;
    this.#run = null;
    return stretch;
  }

  #enter(exchange: HttpExchange, maySuspend: boolean): void {
    if (this.#run !== null) throw new Error("BUG: a handler of this instance runs already");
    if (this.#isBroken) throw instanceBroke();
    this.#arm(exchange, maySuspend);
  }

  #arm(exchange: HttpExchange, maySuspend: boolean): void {
    const state = this.#state;
    state.exchange = exchange;
    state.maySuspend = maySuspend;
    state.awaited = null;
    this.#started.deadline.arm(this.#timeoutMs, 0, this.#spentMs);
    this.#started.fuel.fill();
  }

  #leave(): void {
    this.#state.exchange = null;
    this.#state.maySuspend = false;
    this.#started.imports.output.flush();
  }

  #onReturned(handler: HandlerName, raw: unknown): void {
    assertEndedWell(this.#started, handler);
    assertInTime(this.#started, handler);
    if (handler !== HANDLE_REQUEST) return;
    this.#guestContext = this.#handlers.request.contextOf(raw);
    this.#isNext = this.#handlers.request.isNext(raw);
  }

  #fail(handler: HandlerName, thrown: unknown): EventFailure {
    this.#isBroken = true;
    const { deadline, imports } = this.#started;
    const failure = toEventFailure(thrown, imports.fatal, deadline, handler);
    return failure.restated(failure.code, { call: handler, fuel_slices: deadline.slices });
  }
}

function instanceBroke(): EventFailure {
  return new EventFailure("exchange-lost", "the instance broke at the end of the exchange before this one");
}
