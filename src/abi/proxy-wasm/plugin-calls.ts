/** The call-outs of one instance: which are on their way, for which stream, and how the guest is told of their end. */

import type {
  Callout,
  CalloutFailure,
  CalloutRefusal,
  CalloutRequest,
  CalloutResponse,
  Callouts,
} from "../../host/callouts.ts";
import type { CallResult } from "./call-result.ts";
import type { HeaderPairs } from "./serialized-map.ts";

interface OpenCall {
  readonly callout: Callout;
  /** The stream that made it; 0 for the root. */
  readonly stream: number;
}

/** `result` null: the call brought no response, for `reason`. */
export type CallListener = (call: number, result: CallResult | null, reason: string) => void;

const MAX_ID = 0x7fff_ffff;
/** Of one instance, so that one module cannot use up what all have together. */
const MAX_OPEN = 64;
const NO_PAIRS: HeaderPairs = { names: [], values: [] };

export class PluginCalls {
  readonly #callouts: Callouts;
  readonly #onEnd: CallListener;
  readonly #open = new Map<number, OpenCall>();
  /** How many calls each stream waits for. */
  readonly #byStream = new Map<number, number>();
  #lastId = 0;

  constructor(callouts: Callouts, onEnd: CallListener) {
    this.#callouts = callouts;
    this.#onEnd = onEnd;
  }

  hasCallFor(stream: number): boolean {
    return this.#byStream.has(stream);
  }

  /** The id that the guest knows the call by. */
  start(request: CalloutRequest, stream: number): number | CalloutRefusal {
    if (this.#open.size >= MAX_OPEN) return "too-many";
    const id = this.#nextId();
    const callout = this.#callouts.start(request, (outcome) => this.#end(id, outcome));
    if (typeof callout === "string") return callout;
    this.#open.set(id, { callout, stream });
    this.#byStream.set(stream, (this.#byStream.get(stream) ?? 0) + 1);
    return id;
  }

  close(): void {
    const calls = [...this.#open.values()];
    this.#open.clear();
    this.#byStream.clear();
    for (const { callout } of calls) callout.cancel();
  }

  #end(id: number, outcome: CalloutResponse | CalloutFailure): void {
    const call = this.#open.get(id);
    if (call === undefined) return;
    this.#open.delete(id);
    const left = (this.#byStream.get(call.stream) ?? 1) - 1;
    if (left === 0) this.#byStream.delete(call.stream);
    else this.#byStream.set(call.stream, left);
    if ("reason" in outcome) this.#onEnd(id, null, outcome.reason);
    else this.#onEnd(id, toResult(outcome), "");
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId % MAX_ID) + 1;
    while (this.#open.has(this.#lastId));
    return this.#lastId;
  }
}

function toResult({ status, names, values, body }: CalloutResponse): CallResult {
  return {
    headers: { names: [":status", ...names], values: [String(status), ...values] },
    trailers: NO_PAIRS,
    body,
    status: 0,
    message: "",
  };
}
