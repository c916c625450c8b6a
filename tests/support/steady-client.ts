/**
 * A client that keeps a number of events in flight on one connection, never opens another, and holds every answer
 * against its event. It is for the guest `echo`, whose answer carries what it was asked.
 */

import type { AcceptedAnswer } from "./accepted-answer.ts";
import { V1Proxy, V2Proxy } from "./fake-proxy.ts";

export interface SteadyClientOptions {
  readonly protocol: 1 | 2;
  /** Events in flight at a time; v1 allows one. */
  readonly inFlight?: number;
  /** How long each of them rests before the next event. */
  readonly pauseMs?: number;
  /** Tells the clients of a test apart. */
  readonly name: string;
}

export class SteadyClient {
  readonly #options: SteadyClientOptions;
  readonly #proxy: V1Proxy | V2Proxy;
  readonly #asking: Promise<unknown>;
  #isOver = false;
  answered = 0;
  longestMs = 0;
  /** What went wrong, in words: must stay empty. */
  readonly complaints: string[] = [];

  private constructor(options: SteadyClientOptions, proxy: V1Proxy | V2Proxy) {
    this.#options = options;
    this.#proxy = proxy;
    const { inFlight = 1 } = options;
    this.#asking = Promise.all(Array.from({ length: inFlight }, (_, lane) => this.#keepAsking(lane)));
  }

  static async connect(path: string, options: SteadyClientOptions): Promise<SteadyClient> {
    const connect = options.protocol === 1 ? V1Proxy.connect(path) : V2Proxy.connect(path);
    return new SteadyClient(options, await connect);
  }

  /** Asks no more, waits for the last answers, and leaves. Answers what went wrong. */
  async finish(): Promise<readonly string[]> {
    this.#isOver = true;
    await this.#asking;
    if (this.#proxy instanceof V2Proxy) this.complaints.push(...this.#proxy.strays);
    this.#proxy.wire.terminate();
    return this.complaints;
  }

  async #keepAsking(lane: number): Promise<void> {
    const { name, pauseMs = 1 } = this.#options;
    for (let number = 0; !this.#isOver && this.complaints.length === 0; number++) {
      const id = `${name}.${lane}.${number}`;
      const askedAtMs = performance.now();
      try {
        this.#check(id, await this.#proxy.request({ id, uri: `/?${id}` }));
        this.answered++;
        this.longestMs = Math.max(this.longestMs, performance.now() - askedAtMs);
      } catch (error) {
        this.complaints.push(`${id}: ${(error as Error).message}`);
      }
      if (pauseMs > 0) await Bun.sleep(pauseMs);
    }
  }

  #check(id: string, answer: AcceptedAnswer): void {
    const input = answer.custom["input"] as { readonly uri?: string } | undefined;
    if (input?.uri === `/?${id}`) return;
    const codes = answer.reasonCodes.join(",");
    this.complaints.push(`${id} got ${codes === "" ? `the answer to ${input?.uri}` : codes}`);
  }
}
