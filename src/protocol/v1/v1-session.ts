/**
 * Protocol v1 on one connection (docs/agent-protocol.md 2): one JSON envelope a frame, answers matched by their
 * position alone, so the next frame waits until the last one is answered.
 *
 * What is not a JSON object closes the connection, as in the reference. An envelope whose event cannot be understood
 * is answered by the fail policy instead: the peer waits for exactly one answer, and the stream is still in step.
 */

import type { ProxyEvent } from "../../event/event.ts";
import type { EventSource, PendingEvent } from "../../event/event-sink.ts";
import { EventFailure } from "../../event/failure.ts";
import type { PeerTraits } from "../../event/peer.ts";
import { PLAIN_ALLOW, type Verdict } from "../../event/verdict.ts";
import { FrameError } from "../../transport/frame-error.ts";
import type { FrameHandler, FrameOutbox, HandlerState } from "../../transport/frame-handler.ts";
import { V1_MAX_FRAME_BYTES } from "../../transport/frame-limits.ts";
import { configureVerdict } from "../configure-verdict.ts";
import { DecodeError } from "../decode-error.ts";
import { decodeEvent, eventCorrelationId, type JsonObject, parseJsonObject } from "../event-decoder.ts";
import type { ProtocolOptions } from "../protocol-options.ts";
import type { ResponseEncoder } from "../response-encoder.ts";
import type { ResponseEncoders } from "../response-encoders.ts";
import { decodeUtf8 } from "../text-decoder.ts";
import { V1_CONFIGURE, V1_EVENT_KINDS } from "./event-type.ts";

const V1_PEER: PeerTraits = { keepsResponseOps: false, hasResponseEvents: false, replacesBodies: false };
const NO_TYPE_BYTE = -1;

export class V1Session implements FrameHandler, EventSource {
  readonly survivesLostAnswers = false;
  readonly hasFinalState = true;
  readonly protocol = "v1";
  readonly maxFrameBytes = V1_MAX_FRAME_BYTES;
  readonly peer = V1_PEER;
  readonly #options: ProtocolOptions;
  readonly #outbox: FrameOutbox;
  readonly #encoder: ResponseEncoder;
  #pending: PendingEvent | null = null;

  constructor(options: ProtocolOptions, encoders: ResponseEncoders, outbox: FrameOutbox) {
    this.#options = options;
    this.#outbox = outbox;
    this.#encoder = encoders.v1;
  }

  get isBlocked(): boolean {
    return this.#pending !== null;
  }

  get pendingCount(): number {
    return this.#pending === null ? 0 : 1;
  }

  onFrame(buffer: Buffer, start: number, end: number): void {
    const event = this.#options.reader()?.read("request-headers", true, buffer, start, end) ?? null;
    if (event === null) this.#onOtherFrame(buffer, start, end);
    else this.#pending = this.#options.events.handle(event, this);
  }

  answer(event: ProxyEvent, verdict: Verdict): void {
    const wasPending = this.#pending !== null;
    this.#pending = null;
    if (!this.#trySend(verdict, event)) {
      const failure = new EventFailure("guest-result-too-large", "the answer does not fit into a v1 frame");
      this.#trySend(this.#options.events.overrule(failure, event), event);
    }
    if (wasPending) this.#outbox.resume();
  }

  onDisconnect(): void {
    this.#pending?.cancel();
    this.#pending = null;
  }

  /** Without ids, nothing could be answered by another process. */
  useJournal(): void {}

  refuseLost(): void {}

  saveState(): HandlerState {
    return { protocol: 1 };
  }

  #onOtherFrame(buffer: Buffer, start: number, end: number): void {
    let envelope: JsonObject;
    try {
      envelope = parseJsonObject(decodeUtf8(buffer, start, end));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#outbox.close(`v1 frame without a JSON object: ${error.message}`);
      return;
    }
    if (envelope["event_type"] === V1_CONFIGURE) {
      this.#configure(envelope);
      return;
    }
    const event = this.#decode(envelope);
    if (event !== null) this.#pending = this.#options.events.handle(event, this);
  }

  #decode(envelope: JsonObject): ProxyEvent | null {
    const payload = envelope["payload"];
    const name = envelope["event_type"];
    const kind = typeof name === "string" ? V1_EVENT_KINDS.get(name) : undefined;
    try {
      if (kind === undefined) {
        throw new DecodeError(
          `event_type must be one of ${[...V1_EVENT_KINDS.keys()].join(", ")} or configure`,
        );
      }
      if (typeof payload !== "object" || payload === null || Array.isArray(payload)) {
        throw new DecodeError("payload must be an object");
      }
      if (kind === "request-headers" || kind === "response-headers" || this.#options.events.handles(kind)) {
        return decodeEvent(kind, payload as JsonObject);
      }
      this.#options.events.pass(kind);
      this.#trySend(PLAIN_ALLOW, null);
      return null;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      const correlationId =
        typeof payload === "object" && payload !== null ? eventCorrelationId(payload as JsonObject) : "";
      const failure = new EventFailure("event-undecodable", error.message, { cause: error });
      const failed = { kind: kind ?? "request-headers", correlationId };
      this.#trySend(this.#options.events.refuse(failure, failed), null);
      return null;
    }
  }

  #configure(envelope: JsonObject): void {
    const payload = envelope["payload"];
    const config = typeof payload === "object" && payload !== null ? (payload as JsonObject)["config"] : null;
    this.#trySend(configureVerdict(this.#options.events.configure(config ?? null)), null);
  }

  /** False when the answer is larger than a frame may be. */
  #trySend(verdict: Verdict, event: ProxyEvent | null): boolean {
    try {
      this.#outbox.sendText(NO_TYPE_BYTE, this.#encoder.encode(verdict, null, event));
      return true;
    } catch (error) {
      if (error instanceof FrameError) return false;
      throw error;
    }
  }
}
