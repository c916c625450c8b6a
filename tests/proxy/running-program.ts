/**
 * One child process and what it wrote. Only processes started here are ever ended, and none outlives its test.
 */

import { closeSync, openSync, readFileSync } from "node:fs";

const STOP_WITHIN_MS = 5000;
const SHOWN_LINES = 25;

export class RunningProgram {
  readonly name: string;
  readonly #child: Bun.Subprocess<"ignore", number, number>;
  readonly #logPath: string;

  private constructor(name: string, child: Bun.Subprocess<"ignore", number, number>, logPath: string) {
    this.name = name;
    this.#child = child;
    this.#logPath = logPath;
  }

  /** Both outputs go to the end of `logPath`. */
  static start(name: string, command: readonly string[], logPath: string): RunningProgram {
    const log = openSync(logPath, "a");
    try {
      const child = Bun.spawn([...command], { stdin: "ignore", stdout: log, stderr: log });
      return new RunningProgram(name, child, logPath);
    } finally {
      closeSync(log);
    }
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  log(): string {
    return readFileSync(this.#logPath, "utf8");
  }

  /**
   * Waits until `isReady` says so.
   *
   * @throws Error with the last lines of the log when the program ends or takes too long.
   */
  async waitUntil(what: string, withinMs: number, isReady: () => Promise<boolean>): Promise<void> {
    const giveUpAt = performance.now() + withinMs;
    while (!(await isReady())) {
      if (this.hasEnded) throw this.#failure(`ended before ${what}`);
      if (performance.now() > giveUpAt) throw this.#failure(`took more than ${withinMs} ms until ${what}`);
      await Bun.sleep(25);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Asks it to end; what does not end in time is killed. */
  async stop(): Promise<void> {
    if (this.hasEnded) return;
    this.#child.kill("SIGTERM");
    const killer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_WITHIN_MS);
    await this.#child.exited;
    clearTimeout(killer);
  }

  /** Ends it without a farewell, as a crash would. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  #failure(what: string): Error {
    const lines = this.log().trimEnd().split("\n").slice(-SHOWN_LINES).join("\n  ");
    return new Error(`${this.name} ${what}. Its last words:\n  ${lines}`);
  }
}
