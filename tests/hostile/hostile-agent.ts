/**
 * The real process with a guest that may be made in the test: started for one test and gone with it, its module
 * replaced while it runs, its costs looked at from outside.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { AgentProcess, type AgentProcessOptions, type LogLine } from "../support/agent-process.ts";
import { processorMs } from "../support/processor-time.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary-folder.ts";

export interface HostileAgentOptions extends Omit<AgentProcessOptions, "module"> {
  /** A path, or the bytes themselves. */
  readonly module: string | Uint8Array;
}

export interface EndedRun {
  readonly exitCode: number | null;
  /** What it wrote on stderr that is no log line. */
  readonly complaints: readonly string[];
  /** All of stderr. */
  readonly log: string;
}

const LINE_WITHIN_MS = 10_000;
const LOOK_EVERY_MS = 5;

export class HostileAgent implements AsyncDisposable {
  readonly #agent: AgentProcess;
  readonly #folder: TemporaryFolder;

  private constructor(agent: AgentProcess, folder: TemporaryFolder) {
    this.#agent = agent;
    this.#folder = folder;
  }

  /** Resolves when it serves. */
  static async start(options: HostileAgentOptions): Promise<HostileAgent> {
    const folder = temporaryFolder();
    const module = writeModule(folder, options.module);
    return new HostileAgent(await AgentProcess.start({ ...options, module }), folder);
  }

  /** For a start that is expected to fail: resolves when the process has ended by itself. */
  static async runToItsEnd(options: HostileAgentOptions): Promise<EndedRun> {
    using folder = temporaryFolder();
    const module = writeModule(folder, options.module);
    await using agent = AgentProcess.launch({ ...options, module });
    const exitCode = await agent.exited;
    return { exitCode, complaints: agent.complaints, log: agent.rawLog };
  }

  get socketPath(): string {
    return this.#agent.socketPath;
  }

  get pid(): number {
    return this.#agent.pid;
  }

  get lines(): readonly LogLine[] {
    return this.#agent.lines;
  }

  /** The next `reload` finds this module. */
  replaceModule(module: string | Uint8Array): void {
    writeModule(this.#folder, module);
  }

  /** Sends SIGHUP; resolves with the line that tells how it ended. */
  reload(): Promise<LogLine> {
    const before = this.lines.length;
    this.#agent.signal("SIGHUP");
    return this.lineWhere(
      (line, index) =>
        index >= before &&
        (line.msg === "reloaded the module" || line.msg.startsWith("the new module cannot be used")),
    );
  }

  /** The first such line, of before or of what is still to come. */
  async lineWhere(matches: (line: LogLine, index: number) => boolean): Promise<LogLine> {
    const giveUpAtMs = performance.now() + LINE_WITHIN_MS;
    for (;;) {
      const line = this.lines.find(matches);
      if (line !== undefined) return line;
      if (performance.now() > giveUpAtMs)
        throw new Error(`the expected line never came:\n${this.#agent.said()}`);
      await Bun.sleep(LOOK_EVERY_MS);
    }
  }

  /** Processor time used so far, in milliseconds. Linux only. */
  cpuMs(): number {
    return processorMs(this.pid);
  }

  /** One figure of /proc/<pid>/status, such as VmRSS, in KiB. Linux only. */
  statusKib(name: string): number {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]);
  }

  /** Resolves with the exit code. */
  async stop(): Promise<number | null> {
    this.#agent.signal("SIGTERM");
    return this.#agent.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}

function writeModule(folder: TemporaryFolder, module: string | Uint8Array): string {
  const path = folder.file("module.wasm");
  writeFileSync(path, typeof module === "string" ? readFileSync(module) : module);
  return path;
}
