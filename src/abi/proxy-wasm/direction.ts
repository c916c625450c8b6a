/**
 * One direction of an exchange, the request's or the response's: whether the guest lets it go on, which events wait for
 * that, and what it holds of the body (docs/proxy-wasm.md 6).
 */

import type { BodyEvent, ProxyEvent } from "../../event/event.ts";
import type { EventFailure } from "../../event/failure.ts";
import type { Verdict } from "../../event/verdict.ts";
import { BodyWindow } from "./body-window.ts";

/** An event whose verdict waits until the guest goes on. */
export interface HeldEvent {
  readonly event: ProxyEvent;
  resolve(verdict: Verdict): void;
  reject(failure: EventFailure): void;
}

export class Direction {
  /** The guest has paused it and has not let it go on yet. */
  isPaused = false;
  /** The guest has asked to go on, and is still being called. */
  isResumed = false;
  /** The guest has let the headers go on, so edits of them have no effect any more. */
  hasSentHeaders = false;
  /** A callback for the body runs, so that its window can be read and changed. */
  isInBody = false;
  /** Of this body, without repetitions. */
  bodyBytes = 0;
  hasBodyEnded = false;
  /** Bytes of the window that the proxy forwards without waiting for the guest. */
  hasForwarded = false;
  // Most messages have neither a body that is looked at nor a pause.
  #window: BodyWindow | null = null;
  #held: HeldEvent[] | null = null;
  /** Bytes that the guest has let go on, but that no event has carried yet. */
  #backlog: Buffer[] | null = null;
  #isWithholding = false;
  #textCheck: TextDecoder | null = null;

  get window(): BodyWindow {
    this.#window ??= new BodyWindow();
    return this.#window;
  }

  get heldCount(): number {
    return this.#held?.length ?? 0;
  }

  hold(event: HeldEvent): void {
    this.#held ??= [];
    this.#held.push(event);
  }

  /** The one that has waited longest. */
  takeOldestHeld(): HeldEvent | undefined {
    return this.#held?.shift();
  }

  takeHeld(): readonly HeldEvent[] {
    const held = this.#held ?? [];
    this.#held = null;
    return held;
  }

  /** What the proxy got in place of bytes was nothing, so that a later event has to carry them. */
  get isWithholding(): boolean {
    return this.#isWithholding || this.#backlog !== null;
  }

  /** False when the window would be too large. A body that begins anew, since the proxy repeats it, forgets the one before. */
  append({ bytes, isLast }: BodyEvent): boolean {
    if (this.hasBodyEnded) this.#forget();
    this.bodyBytes += bytes.length;
    this.hasBodyEnded = isLast;
    return this.window.append(bytes);
  }

  /** The bytes of the event are kept from the proxy. False when they are not text, which a later event could carry. */
  withhold({ bytes }: BodyEvent): boolean {
    this.#textCheck ??= new TextDecoder("utf-8", { fatal: true });
    try {
      this.#textCheck.decode(bytes, { stream: true });
    } catch {
      this.#textCheck = null;
      return false;
    }
    this.#isWithholding = true;
    return true;
  }

  /** The guest lets the window go on although no event is there to carry it. */
  release(): void {
    if (this.#isWithholding) {
      this.#backlog ??= [];
      this.#backlog.push(Buffer.from(this.window.bytes));
    }
    this.#clearWindow();
  }

  /** What the present event carries in place of its own bytes; null when those can stay. The window is empty then. */
  takeReplacement(): Buffer | null {
    const isNeeded = this.isWithholding || this.window.isEdited;
    const bytes = this.window.bytes;
    const replacement = this.#backlog === null ? bytes : Buffer.concat([...this.#backlog, bytes]);
    this.#backlog = null;
    this.#clearWindow();
    return isNeeded ? replacement : null;
  }

  #clearWindow(): void {
    this.#window?.clear();
    this.#isWithholding = false;
    this.hasForwarded = false;
    this.#textCheck = null;
  }

  #forget(): void {
    this.#backlog = null;
    this.#clearWindow();
    this.bodyBytes = 0;
  }
}
