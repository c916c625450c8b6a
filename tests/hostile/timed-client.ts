/** A proxy of either era that asks in one way and measures how long an answer takes. */

import type { AcceptedAnswer } from "../support/accepted-answer.ts";
import { V1Proxy, V2Proxy } from "../support/fake-proxy.ts";

export type Protocol = 1 | 2;
export type Phase = "request" | "response";

export interface TimedAnswer {
  readonly answer: AcceptedAnswer;
  readonly ms: number;
}

/** On v1 one event at a time, on v2 any number. */
export class TimedClient implements Disposable {
  readonly protocol: Protocol;
  readonly #proxy: V1Proxy | V2Proxy;
  #asked = 0;

  private constructor(protocol: Protocol, proxy: V1Proxy | V2Proxy) {
    this.protocol = protocol;
    this.#proxy = proxy;
  }

  static async connect(socketPath: string, protocol: Protocol): Promise<TimedClient> {
    const proxy = protocol === 1 ? V1Proxy.connect(socketPath) : V2Proxy.connect(socketPath);
    return new TimedClient(protocol, await proxy);
  }

  /** `padding` makes the event larger by so many bytes. */
  async ask(phase: Phase, options: { readonly padding?: number } = {}): Promise<TimedAnswer> {
    const padding = options.padding === undefined ? {} : { "x-padding": ["p".repeat(options.padding)] };
    const facts = { id: `id-${this.#asked++}`, headers: { host: ["a.test"], ...padding } };
    const startedAtMs = performance.now();
    const answer = await (phase === "request" ? this.#proxy.request(facts) : this.#proxy.response(facts));
    return { answer, ms: performance.now() - startedAtMs };
  }

  /** Pushes a configuration as a proxy does; true when the agent took it. */
  async configure(config: object): Promise<boolean> {
    return (await this.#proxy.configure(config)).decision === "allow";
  }

  [Symbol.dispose](): void {
    this.#proxy.wire.terminate();
  }
}
