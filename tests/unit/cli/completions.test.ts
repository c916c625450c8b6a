/**
 * The completion scripts, asked as a person at a prompt would ask them, in the real shells where those are installed.
 */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CommandDescription, defineAgentCommand } from "../../../src/cli/agent-command.ts";
import { bashCompletion } from "../../../src/cli/completions/bash.ts";
import { fishCompletion } from "../../../src/cli/completions/fish.ts";
import { zshCompletion } from "../../../src/cli/completions/zsh.ts";
import { choiceKind, integerKind, listKind, pathKind, switchKind } from "../../../src/cli/value-kind.ts";

// A zsh takes seconds to find its own completions on a busy machine.
setDefaultTimeout(30_000);

const SERVE: CommandDescription = defineAgentCommand<{
  modulePath: string;
  poolSize: number;
  limits: boolean;
  verbose: boolean;
  logFormat: "pretty" | "json";
}>({
  name: "serve",
  summary: "Serve a proxy: it's what runs by default.",
  usage: [],
  examples: [],
  options: {
    modulePath: {
      flag: "module",
      kind: pathKind(),
      fallback: { required: true },
      description: "The [module].",
      group: "A",
    },
    poolSize: {
      flag: "pool-size",
      kind: integerKind({ min: 1, max: 9 }),
      fallback: { value: 4 },
      description: "How many.",
      group: "A",
    },
    limits: {
      flag: "limits",
      kind: switchKind(),
      fallback: { value: true },
      description: "No limits.",
      group: "A",
    },
    verbose: {
      flag: "verbose",
      alias: "v",
      kind: switchKind(),
      fallback: { value: false },
      description: "It's: more.",
      group: "B",
    },
    logFormat: {
      flag: "log-format",
      kind: choiceKind(["pretty", "json"]),
      fallback: { value: "pretty" },
      description: "Which $format.",
      group: "B",
    },
  },
  run: async () => 0,
}).description;

const CALL: CommandDescription = defineAgentCommand<{
  modulePath: string;
  method: readonly string[];
  mode: "fast" | "slow";
}>({
  name: "call",
  summary: "Ask once.",
  usage: [],
  examples: [],
  options: {
    modulePath: {
      operand: "<module>",
      kind: pathKind(),
      fallback: { required: true },
      description: "The module.",
    },
    method: {
      flag: "method",
      kind: listKind(choiceKind(["GET", "PUT"])),
      fallback: { value: [] },
      description: "HTTP methods.",
      group: "A",
    },
    mode: {
      operand: "<mode>",
      kind: choiceKind(["fast", "slow"]),
      fallback: { value: "fast" },
      description: "How.",
    },
  },
  run: async () => 0,
}).description;

const COMMANDS = [SERVE, CALL];
const ENV = { PATH: process.env["PATH"] ?? "", TERM: "dumb", LC_ALL: "C.UTF-8" };

function shellIsMissing(shell: string): boolean {
  return Bun.which(shell) === null;
}

function nameOf(shell: string): string {
  return `the script for ${shell}${shellIsMissing(shell) ? ` (skipped: ${shell} is not installed)` : ""}`;
}

/** A folder with two files to complete; where each shell is started. */
const dir = mkdtempSync(join(tmpdir(), "sentinel-completions-"));

beforeAll(async () => {
  await Bun.write(join(dir, "policy one.wasm"), "");
  await Bun.write(join(dir, "policy-two.wasm"), "");
  await Bun.write(join(dir, "agent.bash"), bashCompletion(COMMANDS));
  await Bun.write(join(dir, "_sentinel-wasm-agent"), zshCompletion(COMMANDS));
  await Bun.write(join(dir, "agent.fish"), fishCompletion(COMMANDS));
});

afterAll(() => rmSync(dir, { recursive: true }));

function run(...command: readonly [string, ...string[]]): string {
  const { stdout, stderr } = Bun.spawnSync([...command], { cwd: dir, env: ENV, stdin: "ignore" });
  expect(stderr.toString()).toBe("");
  return stdout.toString().trimEnd();
}

describe.skipIf(shellIsMissing("bash"))(nameOf("bash"), () => {
  /** The words as bash splits them, the last one under the cursor. */
  function complete(...words: readonly string[]): string[] {
    const script = `source agent.bash
      COMP_WORDS=(sentinel-wasm-agent "$@") COMP_CWORD=$#
      _sentinel_wasm_agent
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    return run("bash", "-c", script, "bash", ...words)
      .split("\n")
      .filter((word) => word !== "")
      .sort();
  }

  test("offers commands and the options of the default one first", () => {
    expect(complete("")).toEqual([
      "--help",
      "--log-format",
      "--module",
      "--no-limits",
      "--pool-size",
      "--verbose",
      "--version",
      "-V",
      "-h",
      "-v",
      "call",
      "serve",
    ]);
    expect(complete("c")).toEqual(["call"]);
    expect(complete("--mo")).toEqual(["--module"]);
  });

  test("offers only the value after an option that takes one", () => {
    expect(complete("--log-format", "")).toEqual(["json", "pretty"]);
    expect(complete("--verbose", "--log-format", "p")).toEqual(["pretty"]);
    expect(complete("--pool-size", "")).toEqual([]);
  });

  test("offers values after an equals sign", () => {
    expect(complete("--log-format", "=")).toEqual(["json", "pretty"]);
    expect(complete("--log-format", "=", "j")).toEqual(["json"]);
  });

  test("offers files where a path is wanted, and nowhere else", () => {
    expect(complete("--module", "pol")).toEqual(["policy one.wasm", "policy-two.wasm"]);
    expect(complete("--pool-size", "pol")).toEqual([]);
  });

  test("knows the options and operands of a command", () => {
    expect(complete("call", "--")).toEqual(["--help", "--method", "--version"]);
    expect(complete("call", "--method", "")).toEqual(["GET", "PUT"]);
    expect(complete("call", "f")).toEqual(["fast"]);
    expect(complete("call", "policy-")).toEqual(["policy-two.wasm"]);
  });
});

describe.skipIf(shellIsMissing("fish"))(nameOf("fish"), () => {
  /** What fish offers for a line, with its explanations. */
  function complete(line: string): string[] {
    const lines = run("fish", "--no-config", "-c", 'source agent.fish; complete -C "$argv"', line).split(
      "\n",
    );
    return lines.filter((word) => word !== "").sort();
  }

  test("offers commands with what they do", () => {
    expect(complete("sentinel-wasm-agent ")).toEqual([
      "call\tAsk once.",
      "serve\tServe a proxy: it's what runs by default.",
    ]);
  });

  test("offers the options of the default command until another one is named", () => {
    expect(complete("sentinel-wasm-agent --")).toEqual([
      "--help\tShow the help page.",
      "--log-format\tWhich $format.",
      "--module\tThe [module].",
      "--no-limits\tNo limits.",
      "--pool-size\tHow many.",
      "--verbose\tIt's: more.",
      "--version\tShow the version.",
    ]);
    expect(complete("sentinel-wasm-agent call --m")).toEqual(["--method\tHTTP methods."]);
  });

  test("offers the values of an option, and files only where a path is wanted", () => {
    expect(complete("sentinel-wasm-agent --log-format ").map((word) => word.split("\t")[0])).toEqual([
      "json",
      "pretty",
    ]);
    expect(complete("sentinel-wasm-agent --module pol")).toEqual(["policy one.wasm", "policy-two.wasm"]);
    expect(complete("sentinel-wasm-agent --pool-size pol")).toEqual([]);
    expect(complete("sentinel-wasm-agent call fa")).toEqual(["fast"]);
  });
});

describe.skipIf(shellIsMissing("zsh"))(nameOf("zsh"), () => {
  /** What a zsh on a terminal of its own shows for a line and a tab, until it shows all `words` or ten seconds passed. */
  function complete(line: string, words: readonly string[]): string {
    const script = `zmodload zsh/zpty
      zpty shell zsh -f -i
      zpty -w shell 'PS1=; fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -D'
      zpty -w shell "LISTMAX=9999; bindkey '^I' list-choices"
      zpty -w shell 'echo is''-ready'
      zpty -m -r shell shown '*is-ready*'
      shown=
      zpty -n -w shell "$1"$'\\t'
      shift
      for try in {1..100}; do
        while zpty -r -t shell part; do shown+=$part; done
        for word in $@; do [[ $shown == *$word* ]] || { sleep 0.1; continue 2 }; done
        break
      done
      print -r -- $shown`;
    return run("zsh", "-f", "-c", script, "zsh", line, ...words);
  }

  test("can be loaded as a function file, and sourced", () => {
    run("zsh", "-f", "-n", "_sentinel-wasm-agent");
    expect(
      run(
        "zsh",
        "-f",
        "-c",
        "autoload -Uz compinit; compinit -u -D; source ./_sentinel-wasm-agent; print $_comps[sentinel-wasm-agent]",
      ),
    ).toBe("_sentinel-wasm-agent");
  });

  test.each([
    ["commands", "", ["call", "serve"]],
    ["options", "--", ["--log-format", "--module", "--no-limits", "--verbose"]],
    ["the values of an option", "--log-format=", ["json", "pretty"]],
    ["files for a path", "--module=pol", ["policy-two.wasm"]],
    ["the options of a command", "call --method ", ["GET", "PUT"]],
  ])("offers %s", (_what, line, words) => {
    const shown = complete(`sentinel-wasm-agent ${line}`, words);
    for (const word of words) expect(shown).toContain(word);
  });
});
