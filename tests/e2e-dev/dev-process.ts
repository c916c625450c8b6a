/**
 * The command `dev` as authors run it: a process of its own. `AGENT_BIN` names the executable; without it the sources
 * are run.
 */

import { join } from "node:path";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary-folder.ts";

export interface DevProcessOptions {
  readonly path: string;
  readonly flags?: readonly string[];
  readonly cwd?: string;
}

const MAIN = join(import.meta.dir, "../../src/main.ts");
const WAIT_MS = 30_000;

export function devCommand(): readonly string[] {
  const built = process.env["AGENT_BIN"] ?? "";
  return built === "" ? [process.execPath, MAIN] : [built];
}

export class DevProcess implements AsyncDisposable {
  readonly socketPath: string;
  /** All that it wrote. */
  stdout = "";
  stderr = "";
  readonly #folder: TemporaryFolder;
  readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #reading: Promise<unknown>;
  #hasEnded = false;
  #wake = Promise.withResolvers<void>();

  private constructor({ path, flags = [], cwd = import.meta.dir }: DevProcessOptions) {
    this.#folder = temporaryFolder();
    this.socketPath = this.#folder.file("agent.sock");
    const port = flags.some((flag) => flag.startsWith("--port")) ? [] : ["--port", "0"];
    const argv = ["dev", path, "--socket", this.socketPath, ...port, ...flags];
    this.#process = Bun.spawn([...devCommand(), ...argv], {
      cwd,
      env: { ...process.env, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#reading = Promise.all([
      this.#read(this.#process.stdout, (text) => {
        this.stdout += text;
      }),
      this.#read(this.#process.stderr, (text) => {
        this.stderr += text;
      }),
    ]).then(() => {
      this.#hasEnded = true;
      this.#wake.resolve();
    });
  }

  /** Starts a session and waits until a module is served. */
  static async start(options: DevProcessOptions): Promise<DevProcess> {
    const session = DevProcess.launch(options);
    await session.said(/ serving /);
    return session;
  }

  /** Starts a session that may serve nothing, or end at once. */
  static launch(options: DevProcessOptions): DevProcess {
    return new DevProcess(options);
  }

  /** Of the playground, with its token. */
  get link(): string {
    return /http:\/\/127\.0\.0\.1:\d+\/#token=\S+/.exec(this.stdout)?.[0] ?? "";
  }

  /** The exit code, once everything it wrote was read; null when a signal ended it. */
  get exited(): Promise<number | null> {
    return this.#process.exited.then(async () => {
      await this.#reading;
      return this.#process.exitCode;
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Waits until stdout has this, after its first `from` units. Returns how much there is by then. */
  async said(pattern: RegExp, from = 0): Promise<number> {
    const endAtMs = performance.now() + WAIT_MS;
    while (!pattern.test(this.stdout.slice(from))) {
      const leftMs = endAtMs - performance.now();
      if (this.#hasEnded || leftMs <= 0) {
        throw new Error(`the session never said ${pattern}:\n${this.stdout}${this.stderr}`);
      }
      await Promise.race([this.#wake.promise, Bun.sleep(Math.min(leftMs, 200))]);
    }
    return this.stdout.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Lets it end its build and remove what it made; what does not end by itself is ended.
    this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), 5000);
    await this.exited;
    clearTimeout(timer);
    this.#folder[Symbol.dispose]();
  }

  async #read(stream: ReadableStream<Uint8Array>, keep: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      keep(decoder.decode(chunk, { stream: true }));
      this.#wake.resolve();
      this.#wake = Promise.withResolvers<void>();
    }
  }
}
