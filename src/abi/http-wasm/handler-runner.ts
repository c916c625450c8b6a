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
import type { Handlers, RequestResult } from "./handlers.ts";
import type { HttpExchange } from "./http-exchange.ts";

/** `suspended`: it waits for a body, and `resume` continues it. */
export type RunState = "returned" | "suspended";

interface Run {
  readonly handler: string;
  readonly exchange: HttpExchange;
  /** Its result, or that of the last stretch. */
  onReturned(result: unknown): void;
}

export class HandlerRunner {
  readonly #started: StartedInstance;
  readonly #state: CallState;
  readonly #handlers: Handlers;
  #isBroken = false;
  #run: Run | null = null;
  /** Continues the suspended handler. */
  #suspension: PromiseWithResolvers<void> | null = null;
  /** Of a stretch that was resumed: settled when it stops. */
  #stretch: PromiseWithResolvers<RunState> | null = null;
  #timeoutMs = Number.POSITIVE_INFINITY;
  #spentMs = 0;
  #requestResult: RequestResult = { context: 0, isNext: false };

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

  /** Of the last `handle_request` that returned. */
  get requestResult(): RequestResult {
    return this.#requestResult;
  }

  /** For the calls that follow: how long each may take, and how much of that is gone already. */
  setTime(timeoutMs: number, spentMs: number): void {
    this.#timeoutMs = timeoutMs;
    this.#spentMs = spentMs;
  }

  /** @throws EventFailure; the instance is lost then. */
  handleRequest(exchange: HttpExchange, maySuspend: boolean): RunState {
    const { request } = this.#handlers;
    return this.#begin(
      {
        handler: "handle_request",
        exchange,
        onReturned: (raw) => {
          this.#requestResult = request.unpack(raw);
        },
      },
      maySuspend ? () => request.runSuspendable() : null,
      () => request.run(),
    );
  }

  /** @throws EventFailure; the instance is lost then. */
  handleResponse(exchange: HttpExchange, context: number, isError: boolean, maySuspend: boolean): RunState {
    const { response } = this.#handlers;
    return this.#begin(
      { handler: "handle_response", exchange, onReturned: () => {} },
      maySuspend ? () => response.runSuspendable(context, isError ? 1 : 0) : null,
      () => response.run(context, isError ? 1 : 0),
    );
  }

  /** Continues the suspended handler until it returns, or waits again. Rejects with EventFailure; the instance is lost then. */
  resume(): Promise<RunState> {
    const suspension = this.#suspension;
    const run = this.#run;
    if (suspension === null || run === null) throw new Error("BUG: no handler is suspended");
    const stretch = Promise.withResolvers<RunState>();
    this.#suspension = null;
    this.#stretch = stretch;
    this.#enter(run.exchange, true);
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

  #begin(run: Run, runSuspendable: (() => Promise<unknown>) | null, runPlain: () => unknown): RunState {
    if (this.#run !== null) throw new Error("BUG: a handler of this instance runs already");
    if (this.#isBroken) throw instanceBroke();
    this.#enter(run.exchange, runSuspendable !== null);
    try {
      if (runSuspendable === null) {
        this.#return(run, runPlain());
        return "returned";
      }
      const result = runSuspendable();
      if (this.#suspension !== null) {
        this.#run = run;
        result.then(
          (raw) => this.#endStretch(run, raw),
          (thrown: unknown) => this.#breakStretch(run, thrown),
        );
        return "suspended";
      }
      // It has returned or trapped by now: what became of it need not be waited for.
      result.catch(() => {});
      const raw: unknown = Bun.peek(result);
      if (Bun.peek.status(result) === "rejected") throw raw;
      this.#return(run, raw);
      return "returned";
    } catch (thrown) {
      throw this.#fail(run, thrown);
    } finally {
      if (this.#suspension === null) this.#leave();
    }
  }

  #endStretch(run: Run, raw: unknown): void {
    const stretch = this.#takeStretch();
    try {
      this.#return(run, raw);
      stretch.resolve("returned");
    } catch (thrown) {
      stretch.reject(this.#fail(run, thrown));
    } finally {
      this.#leave();
    }
  }

  #breakStretch(run: Run, thrown: unknown): void {
    const stretch = this.#takeStretch();
    stretch.reject(this.#fail(run, thrown));
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
    this.#state.exchange = exchange;
    this.#state.maySuspend = maySuspend;
    this.#state.awaited = null;
    this.#started.deadline.arm(this.#timeoutMs, 0, this.#spentMs);
    this.#started.fuel.fill();
  }

  #leave(): void {
    this.#state.exchange = null;
    this.#state.maySuspend = false;
    this.#started.imports.output.flush();
  }

  #return(run: Run, raw: unknown): void {
    assertEndedWell(this.#started, run.handler);
    assertInTime(this.#started, run.handler);
    run.onReturned(raw);
  }

  #fail(run: Run, thrown: unknown): EventFailure {
    this.#isBroken = true;
    const { deadline, imports } = this.#started;
    const failure = toEventFailure(thrown, imports.fatal, deadline, run.handler);
    return failure.restated(failure.code, { call: run.handler, fuel_slices: deadline.slices });
  }
}

function instanceBroke(): EventFailure {
  return new EventFailure("exchange-lost", "the instance broke at the end of the exchange before this one");
}
