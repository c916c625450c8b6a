/**
 * Proxies of both eras, as small as they can be: they ask like the real ones, and take no answer that the real ones
 * would not take.
 */

import {
  type AcceptedAnswer,
  acceptAnswer,
  acceptConfigError,
  acceptHandshakeResponse,
  type ConfigError,
} from "./accepted-answer.ts";
import { v1Frame, v2Frame } from "./frames.ts";
import {
  type BodyFacts,
  type FrameFacts,
  type GuardrailFacts,
  guardrail,
  handshake,
  type RequestFacts,
  requestBody,
  requestHeaders,
  responseBody,
  type ResponseFacts,
  responseHeaders,
  Type,
  v1Configure,
  v1Envelope,
  v2Configure,
  webSocketFrame,
} from "./proxy-messages.ts";
import { WireSocket } from "./wire-socket.ts";

/** One event at a time: answers are told apart by nothing but their order. */
export class V1Proxy {
  readonly wire: WireSocket;

  private constructor(wire: WireSocket) {
    this.wire = wire;
  }

  static async connect(path: string): Promise<V1Proxy> {
    return new V1Proxy(await WireSocket.connect(path, 1));
  }

  request(facts: RequestFacts = {}): Promise<AcceptedAnswer> {
    return this.ask("request_headers", requestHeaders(facts));
  }

  response(facts: ResponseFacts = {}): Promise<AcceptedAnswer> {
    return this.ask("response_headers", responseHeaders(facts));
  }

  configure(config: unknown): Promise<AcceptedAnswer> {
    return this.#exchange(v1Configure(config));
  }

  ask(eventType: string, payload: object): Promise<AcceptedAnswer> {
    return this.#exchange(v1Envelope(eventType, payload));
  }

  async #exchange(envelope: object): Promise<AcceptedAnswer> {
    this.wire.send(v1Frame(envelope));
    const frame = await this.wire.nextFrame();
    if (frame === null) throw new Error("the agent closed the connection instead of answering");
    return acceptAnswer(1, frame.text);
  }
}

/** Any number of events at a time, each found again by its correlation id. */
export class V2Proxy {
  readonly wire: WireSocket;
  /** The payload that accepted the handshake. */
  readonly handshakeResponse: string;
  readonly #calls = new Map<string, PromiseWithResolvers<AcceptedAnswer>[]>();
  readonly #pongs: PromiseWithResolvers<string>[] = [];
  /** Answers to nobody, and frames of types that no agent may send: must stay empty. */
  readonly strays: string[] = [];
  /** Problems of configurations that the agent reported. */
  readonly configErrors: ConfigError[] = [];

  private constructor(wire: WireSocket, handshakeResponse: string) {
    this.wire = wire;
    this.handshakeResponse = handshakeResponse;
    wire.deliverTo((frame) => this.#deliver(frame.type ?? -1, frame.text));
    void wire.closed.then(() => this.#failCalls(new Error("the agent closed the connection")));
  }

  /** Connects and shakes hands; configuring is up to the test. */
  static async connect(path: string, proxyVersion = "0.6.54", config: unknown = null): Promise<V2Proxy> {
    const wire = await WireSocket.connect(path, 2);
    wire.send(v2Frame(Type.handshake, handshake(proxyVersion, config)));
    const frame = await wire.nextFrame();
    if (frame?.type !== Type.handshakeResponse) throw new Error("the handshake was not answered");
    const response = acceptHandshakeResponse(frame.text);
    if (!response.success) throw new Error(`the agent refused the handshake: ${response.error}`);
    return new V2Proxy(wire, frame.text);
  }

  request(facts: RequestFacts = {}): Promise<AcceptedAnswer> {
    return this.ask(Type.requestHeaders, requestHeaders(facts));
  }

  response(facts: ResponseFacts = {}): Promise<AcceptedAnswer> {
    return this.ask(Type.responseHeaders, responseHeaders(facts));
  }

  requestBody(facts: BodyFacts = {}): Promise<AcceptedAnswer> {
    return this.ask(Type.requestBodyChunk, requestBody(facts));
  }

  responseBody(facts: BodyFacts = {}): Promise<AcceptedAnswer> {
    return this.ask(Type.responseBodyChunk, responseBody(facts));
  }

  frame(facts: FrameFacts = {}): Promise<AcceptedAnswer> {
    return this.ask(Type.webSocketFrame, webSocketFrame(facts));
  }

  guardrail(facts: GuardrailFacts = {}): Promise<AcceptedAnswer> {
    return this.ask(Type.guardrailInspect, guardrail(facts));
  }

  configure(config: unknown, number = 0): Promise<AcceptedAnswer> {
    return this.ask(Type.configure, v2Configure(config, number));
  }

  /** `payload` must carry its correlation id at top level. */
  ask(type: number, payload: object): Promise<AcceptedAnswer> {
    const call = Promise.withResolvers<AcceptedAnswer>();
    const id = (payload as { correlation_id: string }).correlation_id;
    this.#calls.set(id, [...(this.#calls.get(id) ?? []), call]);
    this.wire.send(v2Frame(type, payload));
    return call.promise;
  }

  /** The payload that comes back. */
  ping(payload: string): Promise<string> {
    const pong = Promise.withResolvers<string>();
    this.#pongs.push(pong);
    this.wire.send(v2Frame(Type.ping, payload));
    return pong.promise;
  }

  #deliver(type: number, text: string): void {
    if (type === Type.pong) {
      this.#pongs.shift()?.resolve(text);
      return;
    }
    if (type === Type.configUpdateRequest) {
      this.configErrors.push(acceptConfigError(text));
      return;
    }
    if (type !== Type.agentResponse) {
      this.strays.push(`type ${type}: ${text}`);
      return;
    }
    let answer: AcceptedAnswer;
    try {
      answer = acceptAnswer(2, text);
    } catch (error) {
      // A real proxy drops it, and the call runs into its timeout; a test should hear of it sooner.
      this.#failCalls(error);
      return;
    }
    const [call, ...others] = this.#calls.get(answer.correlationId ?? "") ?? [];
    if (call === undefined) {
      this.strays.push(text);
      return;
    }
    this.#calls.set(answer.correlationId ?? "", others);
    call.resolve(answer);
  }

  #failCalls(reason: unknown): void {
    for (const calls of this.#calls.values()) for (const call of calls.splice(0)) call.reject(reason);
    for (const pong of this.#pongs.splice(0)) pong.reject(reason);
  }
}
