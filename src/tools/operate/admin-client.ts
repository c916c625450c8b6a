/** Asks a running agent through the Unix socket of its admin endpoint. */

import { statOrNull } from "../../transport/uds/socket-path.ts";
import type { AgentStatus } from "./agent-status.ts";
import { OperateError } from "./operate-error.ts";

export type ReloadAnswer =
  | { readonly result: "success"; readonly sha256: string }
  | { readonly result: "failure"; readonly code: string; readonly problem: string };

/** A loop that is held for longer than this serves nobody. */
const ANSWER_WITHIN_MS = 10_000;
/** A module of tens of megabytes takes seconds to compile on a busy machine. */
const RELOAD_WITHIN_MS = 120_000;

export class AdminClient {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** @throws OperateError, here and in everything else */
  async status(): Promise<AgentStatus> {
    const response = await this.#ask("GET", "/status", ANSWER_WITHIN_MS);
    return this.#read<AgentStatus>(this.#accepted(response), [
      "version",
      "checks",
      "events",
      "guest",
      "memory",
    ]);
  }

  async reload(): Promise<ReloadAnswer> {
    const response = await this.#ask("POST", "/reload", RELOAD_WITHIN_MS);
    const answered = response.status === 422 ? response : this.#accepted(response);
    return this.#read<ReloadAnswer>(answered, ["result"]);
  }

  /** JSON of a CPU profile. Resolves after so many seconds. */
  async profile(seconds: number): Promise<string> {
    const response = await this.#ask(
      "POST",
      `/profile?seconds=${seconds}`,
      seconds * 1000 + RELOAD_WITHIN_MS,
    );
    if (response.status !== 200) throw new OperateError("agent-refused", await refusalOf(response));
    const profile = await response.text().catch(() => "");
    if (!profile.trimEnd().endsWith("}")) throw this.#strange("something else than a profile");
    return profile;
  }

  /** Lines of JSON without their ends, until the agent ends or `signal` says so. */
  async *tail(query: URLSearchParams, signal: AbortSignal): AsyncGenerator<string> {
    const response = await this.#fetch("GET", `/tail?${query}`, signal);
    if (response.status !== 200) throw new OperateError("agent-refused", await refusalOf(response));
    const decoder = new TextDecoder();
    let rest = "";
    try {
      for await (const chunk of response.body ?? []) {
        const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
        rest = lines.pop() ?? "";
        yield* lines;
      }
    } catch {
      // An agent that ends closes the connection in the middle of the answer, and so does the signal.
    }
  }

  #ask(method: "GET" | "POST", path: string, withinMs: number): Promise<Response> {
    return this.#fetch(method, path, AbortSignal.timeout(withinMs));
  }

  async #fetch(method: "GET" | "POST", path: string, signal: AbortSignal): Promise<Response> {
    try {
      return await fetch(`http://localhost${path}`, { method, signal, unix: this.#socketPath });
    } catch (cause) {
      throw new OperateError("agent-unreachable", this.#whyUnreachable(cause as Error), { cause });
    }
  }

  #accepted(response: Response): Response {
    if (response.status === 200) return response;
    throw this.#strange(`${response.status}`);
  }

  async #read<T>(response: Response, keys: readonly string[]): Promise<T> {
    const value: unknown = await response.json().catch(() => null);
    if (typeof value === "object" && value !== null && keys.every((key) => key in value)) return value as T;
    throw this.#strange("something else than was asked for");
  }

  #strange(answer: string): OperateError {
    return new OperateError(
      "agent-refused",
      `what listens on ${this.#socketPath} answered ${answer}; is it an agent, and of this version?`,
    );
  }

  #whyUnreachable(error: Error): string {
    const path = this.#socketPath;
    const advice =
      "name the agent's socket with --socket (or AGENT_SOCKET), or its admin socket with --admin-socket";
    if (error.name === "TimeoutError") return `the agent on ${path} did not answer in time`;
    if (statOrNull(path) === null) return `there is no socket ${path}, so no agent to ask; ${advice}`;
    return `no agent answers on ${path}: it has ended, or belongs to another user; ${advice}`;
  }
}

async function refusalOf(response: Response): Promise<string> {
  return `the agent refused: ${(await response.text().catch(() => "")).trim()}`;
}
