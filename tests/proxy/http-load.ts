/** HTTP clients that ask one request after the other through the proxy, and tell how that went. */

import type { Deployment } from "./deployment.ts";

export interface LoadReport {
  readonly answered: number;
  /** Neither an answer of the upstream that the module has seen, nor anything else that is right. */
  readonly failed: number;
  readonly longestMs: number;
  /** From the first failed request to the last one; 0 without any. */
  readonly failingMs: number;
  /** Statuses, or the words of errors, of what failed. */
  readonly failures: Readonly<Record<string, number>>;
}

export class HttpLoad {
  readonly #deployment: Deployment;
  readonly #clients: Promise<unknown>;
  readonly #failures: Record<string, number> = {};
  #isOver = false;
  #firstFailureMs: number | null = null;
  #lastFailureMs = 0;
  answered = 0;
  failed = 0;
  #longestMs = 0;

  constructor(deployment: Deployment, clients: number) {
    this.#deployment = deployment;
    this.#clients = Promise.all(Array.from({ length: clients }, (_, i) => this.#keepAsking(i)));
  }

  async finish(): Promise<LoadReport> {
    this.#isOver = true;
    await this.#clients;
    const failingMs = this.#firstFailureMs === null ? 0 : this.#lastFailureMs - this.#firstFailureMs;
    return {
      answered: this.answered,
      failed: this.failed,
      longestMs: Math.round(this.#longestMs),
      failingMs: Math.round(failingMs),
      failures: this.#failures,
    };
  }

  async #keepAsking(client: number): Promise<void> {
    for (let number = 0; !this.#isOver; number++) {
      const startedAtMs = performance.now();
      const failure = await this.#ask(`/?${client}.${number}`);
      const endedAtMs = performance.now();
      this.#longestMs = Math.max(this.#longestMs, endedAtMs - startedAtMs);
      if (failure === null) {
        this.answered++;
        continue;
      }
      this.failed++;
      this.#failures[failure] = (this.#failures[failure] ?? 0) + 1;
      this.#firstFailureMs ??= endedAtMs;
      this.#lastFailureMs = endedAtMs;
      // A refusal comes at once; asking again as fast would only measure how fast it comes.
      await Bun.sleep(5);
    }
  }

  /** Null when the answer is the upstream's, to this request, and the module has seen it. */
  async #ask(target: string): Promise<string | null> {
    try {
      const { status, echo } = await this.#deployment.request(target);
      if (status !== 200) return String(status);
      if (echo?.target !== target) return "another request's answer";
      return echo.headers["x-wasm-processed"] === "true" ? null : "not seen by the module";
    } catch (error) {
      return (error as Error).message;
    }
  }
}
