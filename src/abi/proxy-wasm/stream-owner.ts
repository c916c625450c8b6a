/** What a stream context asks of the instance it lives in. */

import type { ProxyWasmOptions } from "../abi-options.ts";
import type { EditVerdicts } from "./edit-verdict.ts";
import type { GuestCallbacks } from "./guest-exports.ts";
import type { HttpContext } from "./http-context.ts";

/** Callbacks for a message or a part of it: context, size, whether the message ends there. Returns an action. */
export type MessageCallback = GuestCallbacks["onRequestHeaders"];

export interface StreamOwner {
  readonly callbacks: GuestCallbacks;
  readonly options: ProxyWasmOptions;
  readonly verdicts: EditVerdicts;
  /** A guest that stops at headers still gets the body. */
  readonly stopsHeadersAlone: boolean;
  /** How long each of the calls that follow may take, of which `spentMs` are gone already. */
  giveTime(timeoutMs: number, spentMs: number): void;
  /**
   * Gives the context its id, tells the guest of it, and calls `callback` with what `admit` returns: until then there is no
   * request, so that whether a guest takes streams at all does not depend on any.
   *
   * @throws EventFailure
   */
  createStream(stream: HttpContext, callback: MessageCallback, end: number): number;
  /** Calls the guest; "continue" without a callback. @throws EventFailure */
  callStream(stream: HttpContext, name: string, callback: MessageCallback, size: number, end: number): number;
  /** Runs the guest's end of the stream. False when the guest wants to be asked again. Never throws. */
  endStream(stream: HttpContext): boolean;
  /** The rest of the end, for a guest that has asked for time. Never throws. */
  deleteStream(stream: HttpContext): void;
  /** A call-out of this stream has not ended yet. */
  hasCallFor(stream: HttpContext): boolean;
  /** To be done when the guest has returned. */
  defer(action: () => void): void;
  runDeferred(): void;
  warnOnce(key: string, message: string): void;
}
