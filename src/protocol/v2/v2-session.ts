/**
 * Protocol v2 on one connection (docs/agent-protocol.md 3): a handshake, then typed messages whose answers carry the id
 * of their question and may leave in any order.
 *
 * Faults follow docs/agent-protocol.md 3.9 with the behaviour it recommends: unknown types are skipped, events that
 * cannot be decoded are answered by the fail policy when their id can be read, and only a broken handshake closes.
 */

import type { EventKind, ProxyEvent } from "../../event/event.ts";
import type { Asker, PendingAnswer } from "../../event/exchange.ts";
import { EventFailure } from "../../event/failure.ts";
import type { PeerTraits } from "../../event/peer.ts";
import type { Verdict } from "../../event/verdict.ts";
import { FrameError } from "../../transport/frame-error.ts";
import type { FrameHandler, FrameOutbox } from "../../transport/frame-handler.ts";
import { V2_MAX_FRAME_BYTES } from "../../transport/frame-limits.ts";
import { configureVerdict } from "../configure-verdict.ts";
import { DecodeError } from "../decode-error.ts";
import { decodeEvent, eventCorrelationId, type JsonObject } from "../event-decoder.ts";
import type { ProtocolOptions } from "../protocol-options.ts";
import type { ResponseEncoder } from "../response-encoder.ts";
import type { ResponseEncoders } from "../response-encoders.ts";
import type { EventTranscoder } from "../transcoder/event-transcoder.ts";
import { JSON_CODEC, type PayloadCodec } from "./codec.ts";
import { decodeHandshake, encodeHandshakeResponse } from "./handshake.ts";
import { eventKindOf, isKnownType, MessageType } from "./message-type.ts";
import { honoursWholeAnswers } from "./proxy-version.ts";

interface PendingQuestion {
  readonly event: ProxyEvent;
  readonly answer: PendingAnswer;
}

/** A proxy keeps at most some hundred calls in flight on one connection; beyond this, reading waits. */
const MAX_PENDING = 4096;

export class V2Session implements FrameHandler, Asker {
  readonly maxFrameBytes = V2_MAX_FRAME_BYTES;
  peer: PeerTraits = { keepsResponseOps: false, hasResponseEvents: true };
  readonly #options: ProtocolOptions;
  readonly #transcoder: EventTranscoder;
  readonly #outbox: FrameOutbox;
  readonly #codec: PayloadCodec = JSON_CODEC;
  readonly #encoders: ResponseEncoders;
  #encoder: ResponseEncoder;
  #hasShakenHands = false;
  readonly #pending = new Map<string, PendingQuestion>();

  constructor(options: ProtocolOptions, encoders: ResponseEncoders, outbox: FrameOutbox) {
    this.#options = options;
    this.#transcoder = options.transcoder;
    this.#outbox = outbox;
    this.#encoders = encoders;
    this.#encoder = encoders.v2(false);
  }

  get isBlocked(): boolean {
    return this.#pending.size >= MAX_PENDING;
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  onFrame(buffer: Buffer, start: number, end: number): void {
    const type = buffer[start]!;
    const payloadStart = start + 1;
    if (!this.#hasShakenHands) {
      this.#shakeHands(type, buffer, payloadStart, end);
      return;
    }
    const kind = eventKindOf(type);
    if (kind !== undefined) {
      this.#ask(kind, buffer, payloadStart, end);
      return;
    }
    switch (type) {
      case MessageType.ping:
        this.#outbox.sendBytes(MessageType.pong, buffer.subarray(payloadStart, end));
        return;
      case MessageType.cancel:
        this.#cancel(buffer, payloadStart, end);
        return;
      case MessageType.configure:
        this.#configure(buffer, payloadStart, end);
        return;
      default:
        this.#options.log.debug(
          isKnownType(type) ? "ignored a message" : "skipped a message of unknown type",
          {
            type: `0x${type.toString(16).padStart(2, "0")}`,
            bytes: end - payloadStart,
          },
        );
    }
  }

  answer(event: ProxyEvent, verdict: Verdict): void {
    const id = event.correlationId;
    // Another event of the same request may wait under the same id.
    const wasPending = this.#pending.get(id)?.event === event;
    if (wasPending) this.#pending.delete(id);
    this.#send(verdict, id);
    if (wasPending) this.#outbox.resume();
  }

  onDisconnect(): void {
    for (const pending of this.#pending.values()) pending.answer.cancel();
    this.#pending.clear();
  }

  #shakeHands(type: number, buffer: Buffer, start: number, end: number): void {
    if (type !== MessageType.handshakeRequest) {
      this.#outbox.close(`the first v2 message has type ${type} instead of a handshake`);
      return;
    }
    try {
      const handshake = decodeHandshake(JSON_CODEC.decode(buffer, start, end));
      const error = handshake.offersV2 ? null : "this agent speaks protocol version 2";
      this.#outbox.sendText(
        MessageType.handshakeResponse,
        encodeHandshakeResponse(this.#options.profile(), error),
      );
      if (error !== null) {
        this.#outbox.close("the proxy does not offer protocol version 2");
        return;
      }
      this.#hasShakenHands = true;
      this.#adaptTo(handshake.proxyVersion);
      this.#options.log.debug("handshake", {
        proxy: handshake.proxyId,
        proxy_version: handshake.proxyVersion,
        keeps_response_ops: this.peer.keepsResponseOps,
      });
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#outbox.close(`the handshake cannot be read: ${error.message}`);
    }
  }

  #adaptTo(proxyVersion: string): void {
    const honoursAnswers = honoursWholeAnswers(proxyVersion);
    const encoding = this.#options.redirectEncoding;
    this.peer = { keepsResponseOps: honoursAnswers, hasResponseEvents: true };
    this.#encoder = this.#encoders.v2(encoding === "redirect" || (encoding === "auto" && honoursAnswers));
  }

  #ask(kind: EventKind, buffer: Buffer, start: number, end: number): void {
    const event = this.#transcode(kind, buffer, start, end) ?? this.#decode(kind, buffer, start, end);
    if (event === null) return;
    const answer = this.#options.events.ask(event, this);
    if (answer === null) return;
    // A second question with an id in flight takes the first one's place in the proxy (docs/agent-protocol.md 3.4).
    this.#pending.get(event.correlationId)?.answer.cancel();
    this.#pending.set(event.correlationId, { event, answer });
  }

  #transcode(kind: EventKind, buffer: Buffer, start: number, end: number): ProxyEvent | null {
    if (this.#codec !== JSON_CODEC || (kind !== "request-headers" && kind !== "response-headers"))
      return null;
    return this.#transcoder.readV2(kind, buffer, start, end);
  }

  #decode(kind: EventKind, buffer: Buffer, start: number, end: number): ProxyEvent | null {
    let payload: JsonObject | null = null;
    try {
      payload = this.#codec.decode(buffer, start, end);
      return decodeEvent(kind, payload);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      const failure = new EventFailure("event-undecodable", `${kind}: ${error.message}`, { cause: error });
      const id = payload === null ? "" : eventCorrelationId(payload);
      const verdict = this.#options.events.refuse(failure, id);
      // Without a payload there is no id, and an answer without its id reaches nobody.
      if (payload !== null) this.#send(verdict, id);
      return null;
    }
  }

  #cancel(buffer: Buffer, start: number, end: number): void {
    try {
      const id = eventCorrelationId(JSON_CODEC.decode(buffer, start, end));
      this.#pending.get(id)?.answer.cancel();
      const wasBlocked = this.isBlocked;
      this.#pending.delete(id);
      if (wasBlocked) this.#outbox.resume();
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#options.log.debug("ignored a cancel that cannot be read", { reason: error.message });
    }
  }

  #configure(buffer: Buffer, start: number, end: number): void {
    try {
      const payload = this.#codec.decode(buffer, start, end);
      const outcome = this.#options.events.configure(payload["config"] ?? null);
      this.#send(configureVerdict(outcome), eventCorrelationId(payload));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#options.log.warn("ignored a configuration that cannot be read", { reason: error.message });
    }
  }

  #send(verdict: Verdict, correlationId: string): void {
    if (this.#trySend(verdict, correlationId)) return;
    const failure = new EventFailure("guest-result-too-large", "the answer does not fit into a v2 frame");
    if (this.#trySend(this.#options.events.refuse(failure, correlationId), correlationId)) return;
    this.#outbox.close("a correlation id is too long to be echoed in an answer");
  }

  /** False when the answer is larger than a frame may be. */
  #trySend(verdict: Verdict, correlationId: string): boolean {
    try {
      const text = this.#codec.encode(this.#encoder, verdict, correlationId);
      this.#outbox.sendText(MessageType.agentResponse, text);
      return true;
    } catch (error) {
      if (error instanceof FrameError) return false;
      throw error;
    }
  }
}
