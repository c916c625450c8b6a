/**
 * Protocol v2 on one connection (docs/agent-protocol.md 3): a handshake, then typed messages whose answers carry the id of their
 * event and may leave in any order.
 *
 * Faults follow docs/agent-protocol.md 3.9 with the behaviour it recommends: unknown types are skipped, events that cannot be
 * decoded are answered by the fail policy when their id can be read, and only a broken handshake closes.
 */

import type { EventKind, HeadersEvent, ProxyEvent } from "../../event/event.ts";
import type { EventSource, PendingEvent } from "../../event/event-sink.ts";
import { EventFailure } from "../../event/failure.ts";
import type { PeerTraits } from "../../event/peer.ts";
import { PLAIN_ALLOW, type Verdict } from "../../event/verdict.ts";
import { FrameError } from "../../transport/frame-error.ts";
import type {
  EventJournal,
  FrameHandler,
  FrameOutbox,
  HandlerState,
  LostEvent,
} from "../../transport/frame-handler.ts";
import { V2_MAX_FRAME_BYTES } from "../../transport/frame-limits.ts";
import { configureVerdict } from "../configure-verdict.ts";
import { DecodeError } from "../decode-error.ts";
import { decodeEvent, eventCorrelationId, type JsonObject, parseJsonObject } from "../event-decoder.ts";
import type { ProtocolOptions } from "../protocol-options.ts";
import type { ResponseEncoder } from "../response-encoder.ts";
import type { ResponseEncoders } from "../response-encoders.ts";
import { decodeUtf8 } from "../text-decoder.ts";
import { ConfigErrorReports } from "./config-error.ts";
import { decodeHandshake, encodeHandshakeResponse } from "./handshake.ts";
import { eventKindOf, isKnownType, MessageType } from "./message-type.ts";
import { honoursWholeAnswers, plainVersion } from "./proxy-version.ts";

interface InFlight {
  readonly event: ProxyEvent;
  readonly pending: PendingEvent;
  /** In the journal. */
  readonly entry: number;
}

const NO_ENTRY = -1;
/** A proxy keeps at most some hundred calls in flight on one connection; beyond this, reading waits. */
const MAX_PENDING = 4096;

export class V2Session implements FrameHandler, EventSource {
  readonly survivesLostAnswers = true;
  readonly protocol = "v2";
  readonly maxFrameBytes = V2_MAX_FRAME_BYTES;
  peer: PeerTraits = { keepsResponseOps: false, hasResponseEvents: true, replacesBodies: false };
  readonly #options: ProtocolOptions;
  readonly #outbox: FrameOutbox;
  readonly #encoders: ResponseEncoders;
  #encoder: ResponseEncoder;
  /** As far as it can be read; null until the handshake. */
  #proxyVersion: string | null = null;
  readonly #configErrors = new ConfigErrorReports();
  readonly #inFlight = new Map<string, InFlight>();
  #journal: EventJournal | null = null;
  /** Of the event that is being handed to the dispatcher. */
  #entry = NO_ENTRY;

  constructor(options: ProtocolOptions, encoders: ResponseEncoders, outbox: FrameOutbox) {
    this.#options = options;
    this.#outbox = outbox;
    this.#encoders = encoders;
    this.#encoder = encoders.v2(false);
  }

  /** As `saveState` of another process gave it; null when it is none of a v2 session. */
  static restore(
    options: ProtocolOptions,
    encoders: ResponseEncoders,
    outbox: FrameOutbox,
    { proxyVersion }: HandlerState,
  ): V2Session | null {
    if (typeof proxyVersion !== "string" && proxyVersion !== undefined) return null;
    const session = new V2Session(options, encoders, outbox);
    if (proxyVersion !== undefined) session.#adaptTo(proxyVersion);
    return session;
  }

  get isBlocked(): boolean {
    return this.#inFlight.size >= MAX_PENDING;
  }

  get pendingCount(): number {
    return this.#inFlight.size;
  }

  onFrame(buffer: Buffer, start: number, end: number): void {
    const type = buffer[start]!;
    const payloadStart = start + 1;
    if (this.#proxyVersion === null) {
      this.#shakeHands(type, buffer, payloadStart, end);
      return;
    }
    const kind = eventKindOf(type);
    if (kind !== undefined) {
      this.#onEvent(type, kind, buffer, payloadStart, end);
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
    const inFlight = this.#inFlight.get(id);
    const wasPending = inFlight?.event === event;
    if (wasPending) this.#inFlight.delete(id);
    this.#send(verdict, id, event);
    if (this.#journal !== null) this.#journal.close(wasPending ? inFlight.entry : this.#entry);
    if (wasPending) this.#outbox.resume();
  }

  onDisconnect(): void {
    for (const { pending } of this.#inFlight.values()) pending.cancel();
    this.#inFlight.clear();
  }

  useJournal(journal: EventJournal | null): void {
    this.#journal = journal;
  }

  refuseLost(events: readonly LostEvent[]): void {
    for (const { type, correlationId } of events) {
      const kind = eventKindOf(type);
      if (kind === undefined) continue;
      const failure = new EventFailure("event-lost", "the agent was killed while it handled this event");
      const verdict = this.#options.events.refuse(failure, { kind, correlationId });
      if (verdict.decision.kind !== "allow" && isAboutResponse(kind)) continue;
      this.#send(verdict, correlationId, null);
    }
  }

  get hasFinalState(): boolean {
    return this.#proxyVersion !== null;
  }

  /** Without a version: the handshake is still to come. */
  saveState(): HandlerState {
    return { protocol: 2, ...(this.#proxyVersion === null ? {} : { proxyVersion: this.#proxyVersion }) };
  }

  #shakeHands(type: number, buffer: Buffer, start: number, end: number): void {
    if (type !== MessageType.handshakeRequest) {
      this.#outbox.close(`the first v2 message has type ${type} instead of a handshake`);
      return;
    }
    try {
      const handshake = decodeHandshake(parsePayload(buffer, start, end));
      const error = handshake.offersV2 ? null : "this agent speaks protocol version 2";
      this.#outbox.sendText(
        MessageType.handshakeResponse,
        encodeHandshakeResponse(this.#options.profile(), error),
      );
      if (error !== null) {
        this.#outbox.close("the proxy does not offer protocol version 2");
        return;
      }
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
    this.#proxyVersion = plainVersion(proxyVersion);
    const honoursAnswers = honoursWholeAnswers(proxyVersion);
    const encoding = this.#options.redirectEncoding;
    this.peer = {
      keepsResponseOps: honoursAnswers,
      hasResponseEvents: true,
      replacesBodies: honoursAnswers,
    };
    this.#encoder = this.#encoders.v2(encoding === "redirect" || (encoding === "auto" && honoursAnswers));
  }

  #onEvent(type: number, kind: EventKind, buffer: Buffer, start: number, end: number): void {
    const event = this.#read(kind, buffer, start, end);
    if (event === null) return;
    // Another event with an id in flight takes the first one's place in the proxy: from here on, no answer to that one
    // may leave, or it would be taken for the answer to this one (docs/agent-protocol.md).
    if (this.#inFlight.size > 0) this.#forget(event.correlationId);
    const entry = this.#journal === null ? NO_ENTRY : this.#journal.open(type, event.correlationId);
    this.#entry = entry;
    const pending = this.#options.events.handle(event, this);
    this.#entry = NO_ENTRY;
    if (pending !== null) this.#inFlight.set(event.correlationId, { event, pending, entry });
  }

  /** Null when the frame has been answered already. */
  #read(kind: EventKind, buffer: Buffer, start: number, end: number): ProxyEvent | null {
    if (isHeaders(kind)) {
      const event = this.#options.reader()?.read(kind, false, buffer, start, end) ?? null;
      if (event !== null) return event;
    }
    let payload: JsonObject | null = null;
    try {
      payload = parsePayload(buffer, start, end);
      if (isHeaders(kind) || this.#options.events.handles(kind)) return decodeEvent(kind, payload);
      this.#options.events.pass(kind);
      this.#send(PLAIN_ALLOW, eventCorrelationId(payload), null);
      return null;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      const failure = new EventFailure("event-undecodable", `${kind}: ${error.message}`, { cause: error });
      const correlationId = payload === null ? "" : eventCorrelationId(payload);
      const verdict = this.#options.events.refuse(failure, { kind, correlationId });
      // Without a payload there is no id, and an answer without its id reaches nobody.
      if (payload !== null) this.#send(verdict, correlationId, null);
      return null;
    }
  }

  #forget(correlationId: string): void {
    const before = this.#inFlight.get(correlationId);
    if (before === undefined) return;
    before.pending.cancel();
    this.#journal?.close(before.entry);
    this.#inFlight.delete(correlationId);
  }

  #cancel(buffer: Buffer, start: number, end: number): void {
    try {
      const id = eventCorrelationId(parsePayload(buffer, start, end));
      const wasBlocked = this.isBlocked;
      this.#forget(id);
      if (wasBlocked) this.#outbox.resume();
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#options.log.debug("ignored a cancel that cannot be read", { reason: error.message });
    }
  }

  #configure(buffer: Buffer, start: number, end: number): void {
    try {
      const payload = parsePayload(buffer, start, end);
      const outcome = this.#options.events.configure(payload["config"] ?? null);
      const id = eventCorrelationId(payload);
      // Before the answer: a proxy that gets a refusal gives the connection up.
      const report = this.#configErrors.payloadFor(outcome, Date.now());
      if (report !== null) this.#outbox.sendText(MessageType.configUpdateRequest, report);
      this.#send(configureVerdict(outcome), id, null);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#options.log.warn("ignored a configuration that cannot be read", { reason: error.message });
    }
  }

  #send(verdict: Verdict, correlationId: string, event: ProxyEvent | null): void {
    if (this.#trySend(verdict, correlationId, event)) return;
    const failure = new EventFailure("guest-result-too-large", "the answer does not fit into a v2 frame");
    const failed = event ?? { kind: "request-headers", correlationId };
    if (this.#trySend(this.#options.events.refuse(failure, failed), correlationId, event)) return;
    this.#outbox.close("a correlation id is too long to be echoed in an answer");
  }

  /** False when the answer is larger than a frame may be. */
  #trySend(verdict: Verdict, correlationId: string, event: ProxyEvent | null): boolean {
    try {
      this.#outbox.sendText(MessageType.agentResponse, this.#encoder.encode(verdict, correlationId, event));
      return true;
    } catch (error) {
      if (error instanceof FrameError) return false;
      throw error;
    }
  }
}

/**
 * Refusals of so many responses at once would open the circuit breaker of the upstream (docs/agent-protocol.md 8.4). Left
 * alone, these calls end by the proxy's timeout, and their failure mode decides.
 */
function isAboutResponse(kind: EventKind): boolean {
  return kind === "response-headers" || kind === "response-body-chunk";
}

function isHeaders(kind: EventKind): kind is HeadersEvent["kind"] {
  return kind === "request-headers" || kind === "response-headers";
}

/** @throws DecodeError when the bytes are not one JSON object. */
function parsePayload(buffer: Buffer, start: number, end: number): JsonObject {
  return parseJsonObject(decodeUtf8(buffer, start, end));
}
