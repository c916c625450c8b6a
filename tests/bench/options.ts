/**
 * The command line of the benchmark.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { BenchOptions } from "./bench.ts";
import { attachedSubject, commandSubject, type Subject } from "./subject.ts";

const ROOT = join(import.meta.dir, "../..");
const EXECUTABLE = join(ROOT, "dist/sentinel-wasm-agent");

export const HELP = `Usage: bun run bench [options]

  --quick               every scenario, short: half a minute, figures are rough (engines are still cold)
  --scenario NAME       only this one (repeatable); --list names them
  --rounds N            fresh processes a variant (5; quick: 1)
  --seconds S           measured time of a run (3; quick: 0.25)
  --agent-cmd COMMAND   our agent's command line (dist/sentinel-wasm-agent where built, else the sources)
  --agent NAME=COMMAND  another agent to compare with (repeatable); {socket}, {module} and {pool} are filled in,
                        without {socket} it gets --socket, --module and --pool-size
  --socket [NAME=]PATH  an agent that already listens there (repeatable)
  --seed-agent PATH     the Rust agent that is replaced (environment: SEED_AGENT_BIN)
  --pin                 generator on the last processor, everything else on the others
  --json PATH           where the figures go (dist/bench.json)
  --list                names the scenarios
  --help                this text
`;

export interface BenchCommand {
  readonly options: BenchOptions;
  readonly scenarios: readonly string[];
  readonly agent: Subject;
  readonly agentCommand: string;
  readonly seed: Subject | null;
  readonly others: readonly Subject[];
  readonly jsonPath: string;
  readonly list: boolean;
  readonly help: boolean;
}

/** What is wrong with the command line, in one sentence. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

function positive(flag: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`--${flag} ${text}: expected a number above 0`);
}

function named(text: string): [name: string, value: string] | null {
  const at = text.indexOf("=");
  return at > 0 && !text.slice(0, at).includes("/") ? [text.slice(0, at), text.slice(at + 1)] : null;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        quick: { type: "boolean", default: false },
        scenario: { type: "string", multiple: true, default: [] },
        rounds: { type: "string" },
        seconds: { type: "string" },
        "agent-cmd": { type: "string" },
        agent: { type: "string", multiple: true, default: [] },
        socket: { type: "string", multiple: true, default: [] },
        "seed-agent": { type: "string" },
        pin: { type: "boolean", default: false },
        json: { type: "string" },
        list: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

export function readBenchCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): BenchCommand {
  const values = parse(args);
  const { quick } = values;
  const seconds = positive("seconds", values.seconds, quick ? 0.25 : 3);
  const sources = `"${process.execPath}" "${join(ROOT, "src/main.ts")}"`;
  const agentCommand = values["agent-cmd"] ?? (existsSync(EXECUTABLE) ? `"${EXECUTABLE}"` : sources);
  const seedPath = values["seed-agent"] ?? environment["SEED_AGENT_BIN"];
  const attached = values.socket.map((text) => {
    const [name, path] = named(text) ?? [`agent at ${text}`, text];
    return attachedSubject(name, path);
  });
  const commanded = values.agent.map((text) => {
    const pair = named(text);
    if (pair === null) throw new UsageError(`--agent ${text}: expected NAME=COMMAND`);
    return commandSubject(...pair);
  });
  return {
    options: {
      quick,
      rounds: Math.ceil(positive("rounds", values.rounds, quick ? 1 : 5)),
      seconds,
      warmupSeconds: quick ? 0.25 : 1,
      pin: values.pin,
    },
    scenarios: values.scenario,
    agent: commandSubject("agent", agentCommand, { takesFlags: true }),
    agentCommand,
    seed: seedPath === undefined || seedPath === "" ? null : commandSubject("Rust agent", `"${seedPath}"`),
    others: [...commanded, ...attached],
    jsonPath: values.json ?? join(ROOT, "dist/bench.json"),
    list: values.list,
    help: values.help,
  };
}
