/**
 * The agent as operators run it: a process of its own. By default the built executable; `AGENT_BIN` names another one,
 * and without either the sources are run.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { type TemporaryFolder, temporaryFolder } from "./temporary-folder.ts";

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface AgentProcessOptions {
  readonly module: string;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default: json, which alone can be waited for. */
  readonly logFormat?: "json" | "pretty";
  /** Default: `agent.sock` in a folder of its own. */
  readonly socketPath?: string;
  /** Words before the command: a program that starts it. */
  readonly launcher?: readonly string[];
  /** Default: `agentCommand()`. */
  readonly command?: readonly string[];
  /** File descriptor that the agent finds as 3. */
  readonly inheritedFd?: number;
  /** Several: those that the agent finds as 3, 4, and so on. */
  readonly inheritedFds?: readonly number[];
}

const ROOT = join(import.meta.dir, "../..");
const BUILT = join(ROOT, "dist/sentinel-wasm-agent");
const READY_WITHIN_MS = 20_000;
const LINE_WITHIN_MS = 10_000;

export function agentCommand(): readonly string[] {
  const named = process.env["AGENT_BIN"];
  if (named !== undefined && named !== "") return [named];
  return existsSync(BUILT) ? [BUILT] : [process.execPath, join(ROOT, "src/main.ts")];
}

function inheritedFds({ inheritedFd, inheritedFds: several }: AgentProcessOptions): readonly number[] {
  return several ?? (inheritedFd === undefined ? [] : [inheritedFd]);
}

export class AgentProcess implements AsyncDisposable {
  readonly socketPath: string;
  readonly lines: LogLine[] = [];
  /** What it wrote on stderr that is no log line. */
  readonly complaints: string[] = [];
  /** All of stderr. */
  rawLog = "";
  readonly #folder: TemporaryFolder;
  readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #reading: Promise<void>;
  #onLine: (() => void)[] = [];
  #hasEnded = false;

  private constructor(options: AgentProcessOptions) {
    this.#folder = temporaryFolder();
    this.socketPath = options.socketPath ?? this.#folder.file("agent.sock");
    const command = [
      ...(options.launcher ?? []),
      ...(options.command ?? agentCommand()),
      ...["--module", options.module, "--socket", this.socketPath],
      ...["--log-format", options.logFormat ?? "json"],
      ...(options.flags ?? []),
    ];
    this.#process = Bun.spawn(command, {
      cwd: ROOT,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe", ...inheritedFds(options)],
    }) as Bun.Subprocess<"ignore", "pipe", "pipe">;
    this.#reading = this.#readLines();
  }

  /** Starts one and waits until it serves. */
  static async start(options: AgentProcessOptions): Promise<AgentProcess> {
    const agent = AgentProcess.launch(options);
    await agent.line("ready", READY_WITHIN_MS);
    return agent;
  }

  /** Starts one that may well refuse to. */
  static launch(options: AgentProcessOptions): AgentProcess {
    return new AgentProcess(options);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Where the admin endpoint listens unless a flag says otherwise. */
  get admin(): { readonly unix: string } {
    return { unix: `${this.socketPath}.admin` };
  }

  get folder(): TemporaryFolder {
    return this.#folder;
  }

  /** The exit code, once everything it wrote was read; null when a signal ended it. */
  get exited(): Promise<number | null> {
    return this.#process.exited.then(async () => {
      await this.#reading;
      return this.#process.exitCode;
    });
  }

  /** The first log line with this message, also one that was written before. */
  async line(message: string, waitMs = LINE_WITHIN_MS): Promise<LogLine> {
    const endAtMs = performance.now() + waitMs;
    for (;;) {
      const found = this.lines.find((line) => line.msg === message);
      if (found !== undefined) return found;
      const leftMs = endAtMs - performance.now();
      if (this.#hasEnded || leftMs <= 0)
        throw new Error(`the agent never said "${message}":\n${this.said()}`);
      await this.#nextLine(leftMs);
    }
  }

  /** The signal that ended it; null while it runs, and when it ended by itself. */
  get endedBy(): NodeJS.Signals | number | null {
    return this.#process.signalCode;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Resident memory, in bytes. Linux only. */
  async residentBytes(): Promise<number> {
    const status = await Bun.file(`/proc/${this.pid}/status`).text();
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1024;
  }

  said(): string {
    return [...this.lines.map((line) => JSON.stringify(line)), ...this.complaints].join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.exited;
    this.#folder[Symbol.dispose]();
  }

  #nextLine(waitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, waitMs);
    this.#onLine.push(() => {
      clearTimeout(timer);
      resolve();
    });
    return promise;
  }

  async #readLines(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of this.#process.stderr) {
      const text = decoder.decode(chunk, { stream: true });
      this.rawLog += text;
      rest += text;
      const lines = rest.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#keep(line);
      this.#wake();
    }
    if (rest !== "") this.#keep(rest);
    this.#hasEnded = true;
    this.#wake();
  }

  #keep(line: string): void {
    if (line.startsWith("{")) this.lines.push(JSON.parse(line) as LogLine);
    else this.complaints.push(line);
  }

  #wake(): void {
    for (const wake of this.#onLine.splice(0)) wake();
  }
}
