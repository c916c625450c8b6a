/** Runs a project's build: one process group at a time, its output kept up to a bound, ended with the session. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { BuildRecipe } from "./build-recipe.ts";

export interface BuildOutcome {
  readonly isGood: boolean;
  /** What the build wrote to both streams, its end when it was too much; without colours. */
  readonly output: string;
  /** One sentence of how it ended. */
  readonly ending: string;
  readonly ms: number;
}

/** The end of a compiler's output names the error in every language here. */
const MAX_OUTPUT_UNITS = 64 * 1024;

export class ProjectBuild {
  readonly #folder: string;
  readonly #recipe: BuildRecipe;
  #process: Bun.Subprocess | null = null;

  constructor(folder: string, recipe: BuildRecipe) {
    this.#folder = folder;
    this.#recipe = recipe;
  }

  /** Never rejects. One at a time. */
  async run(): Promise<BuildOutcome> {
    const startedAtMs = performance.now();
    const { setup, command } = this.#recipe;
    if (setup !== null && !existsSync(join(this.#folder, setup.unlessExists))) {
      const prepared = await this.#runCommand(`\`${setup.command}\``, setup.command, startedAtMs);
      if (!prepared.isGood) return prepared;
    }
    return this.#runCommand("The build", command, startedAtMs);
  }

  /** Ends a build that is under way. */
  close(): void {
    if (this.#process === null) return;
    try {
      // The whole group: the compiler is the shell's child.
      process.kill(-this.#process.pid, "SIGTERM");
    } catch {
      // It has just ended.
    }
  }

  async #runCommand(what: string, command: string, startedAtMs: number): Promise<BuildOutcome> {
    const child = Bun.spawn(["sh", "-c", command], {
      cwd: this.#folder,
      env: { ...process.env, NO_COLOR: "1", CARGO_TERM_COLOR: "never" },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      detached: true,
    });
    this.#process = child;
    const tail = new OutputTail();
    await Promise.all([collect(child.stdout, tail), collect(child.stderr, tail), child.exited]);
    this.#process = null;
    const ending =
      child.signalCode === null
        ? `${what} ended with exit code ${child.exitCode}`
        : `${what} was ended by ${child.signalCode}`;
    const ms = Math.round(performance.now() - startedAtMs);
    return { isGood: child.exitCode === 0, output: tail.text(), ending, ms };
  }
}

class OutputTail {
  #text = "";
  #isCut = false;

  add(text: string): void {
    this.#text += text;
    if (this.#text.length <= 2 * MAX_OUTPUT_UNITS) return;
    this.#text = this.#text.slice(-MAX_OUTPUT_UNITS);
    this.#isCut = true;
  }

  text(): string {
    const isCut = this.#isCut || this.#text.length > MAX_OUTPUT_UNITS;
    const kept = Bun.stripANSI(this.#text.slice(-MAX_OUTPUT_UNITS)).trim();
    return isCut ? `…\n${kept}` : kept;
  }
}

async function collect(stream: ReadableStream<Uint8Array>, tail: OutputTail): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) tail.add(decoder.decode(chunk, { stream: true }));
}
