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
const MAX_READ_ON_MS = 1000;
const KILL_AFTER_MS = 2000;

export class ProjectBuild {
  readonly #folder: string;
  readonly #recipe: BuildRecipe;
  #process: Bun.Subprocess | null = null;
  #isClosed = false;

  constructor(folder: string, recipe: BuildRecipe) {
    this.#folder = folder;
    this.#recipe = recipe;
  }

  /** The command that has to run before the next build; null when everything is there. */
  get preparation(): string | null {
    const { setup } = this.#recipe;
    return setup === null || existsSync(join(this.#folder, setup.unlessExists)) ? null : setup.command;
  }

  /** Never rejects. One at a time. */
  async run(): Promise<BuildOutcome> {
    const startedAtMs = performance.now();
    const { preparation } = this;
    if (preparation !== null) {
      const prepared = await this.#runCommand(`\`${preparation}\``, preparation, startedAtMs);
      if (!prepared.isGood) return prepared;
    }
    return this.#runCommand("The build", this.#recipe.command, startedAtMs);
  }

  /** Ends a running build: `run` resolves when nothing is left of it. */
  close(): void {
    this.#isClosed = true;
    const building = this.#process;
    if (building === null) return;
    signalGroup(building.pid, "SIGTERM");
    const timer = setTimeout(() => signalGroup(building.pid, "SIGKILL"), KILL_AFTER_MS);
    void building.exited.then(() => clearTimeout(timer));
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
    const readAll = Promise.all([collect(child.stdout, tail), collect(child.stderr, tail)]);
    await child.exited;
    // A daemon that the build left behind may hold its streams open for ever.
    await Promise.race([readAll, Bun.sleep(MAX_READ_ON_MS)]);
    // A compiler that ignores SIGTERM outlives the shell that started it.
    if (this.#isClosed) signalGroup(child.pid, "SIGKILL");
    this.#process = null;
    const ending =
      child.signalCode === null
        ? `${what} ended with exit code ${child.exitCode}`
        : `${what} was ended by ${child.signalCode}`;
    const ms = Math.round(performance.now() - startedAtMs);
    return { isGood: child.exitCode === 0, output: tail.text(), ending, ms };
  }
}

/** The compiler is the shell's child, so the shell alone would not do. */
function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch {
    // It has just ended.
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
