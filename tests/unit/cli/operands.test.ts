/** Values without a flag, and flags that may be repeated. */

import { describe, expect, test } from "bun:test";
import { defineAgentCommand } from "../../../src/cli/agent-command.ts";
import { runCommandLine } from "../../../src/cli/command-line.ts";
import type { ParameterTable } from "../../../src/cli/option.ts";
import { OptionsError } from "../../../src/cli/options-error.ts";
import { readOptions } from "../../../src/cli/read-options.ts";
import { headerKind, integerKind, listKind, pathKind, switchKind } from "../../../src/cli/value-kind.ts";
import { CapturedSurroundings } from "./captured-surroundings.ts";

interface CopySettings {
  readonly from: string;
  readonly to: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly times: number;
  readonly quiet: boolean;
}

const OPTIONS: ParameterTable<CopySettings> = {
  from: { operand: "<from>", kind: pathKind(), fallback: { required: true }, description: "What to copy." },
  to: { operand: "[to]", kind: pathKind(), fallback: { value: "here" }, description: "Where to." },
  headers: {
    flag: "header",
    alias: "H",
    kind: listKind(headerKind()),
    fallback: { value: [] },
    placeholder: "<name:value>",
    description: "A header.",
    group: "Copying",
  },
  times: {
    flag: "times",
    env: "COPY_TIMES",
    kind: integerKind({ min: 1, max: 9 }),
    fallback: { value: 1 },
    placeholder: "<count>",
    description: "How often.",
    group: "Copying",
  },
  quiet: {
    flag: "quiet",
    kind: switchKind(),
    fallback: { value: false },
    description: "Say nothing.",
    group: "Copying",
  },
};

function read(...argv: string[]): CopySettings {
  return readOptions(OPTIONS, { argv, env: {}, terminal: { stderrIsTerminal: false } });
}

function refusal(...argv: string[]): string {
  try {
    read(...argv);
  } catch (error) {
    if (error instanceof OptionsError) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error(`accepted: ${argv.join(" ")}`);
}

describe("operands", () => {
  test("are taken in order, wherever options stand", () => {
    const settings = { from: "a", to: "b", headers: [], times: 3, quiet: true };
    expect(read("a", "b", "--times", "3", "--quiet")).toEqual(settings);
    expect(read("--quiet", "a", "--times=3", "b")).toEqual(settings);
  });

  test("that are optional have a default", () => {
    expect(read("a").to).toBe("here");
  });

  test("may look like options after two dashes, and may be one dash", () => {
    expect(read("--", "--times", "-H")).toMatchObject({ from: "--times", to: "-H", times: 1 });
    expect(read("-").from).toBe("-");
  });

  const refusals: readonly [name: string, argv: string[], said: string][] = [
    ["is missing", [], "operand-required: <from> is missing; give a path."],
    ["is empty", [""], "option-invalid: <from> must be a path, but it is empty."],
    [
      "is one too many",
      ["a", "b", "c"],
      'argument-unexpected: Unexpected argument "c": besides options, only <from> [to] is expected.',
    ],
    [
      "was meant for a switch",
      ["a", "b", "--quiet", "false"],
      'argument-unexpected: Unexpected argument "false": --quiet takes its value with an equals sign, as in --quiet=false.',
    ],
  ];
  for (const [name, argv, said] of refusals) {
    test(`are refused when one ${name}`, () => expect(refusal(...argv)).toBe(said));
  }
});

describe("an option that is a list", () => {
  test("holds a value for each time it is given, in order", () => {
    expect(read("a", "--header", "X-A: 1", "-H", "b:2:3", "--header=c:").headers).toEqual([
      ["x-a", "1"],
      ["b", "2:3"],
      ["c", ""],
    ]);
  });

  test("is refused for a single value that cannot be", () => {
    expect(refusal("a", "-H", "x:1", "-H", "no colon")).toBe(
      'option-invalid: --header must be a header like name:value, but "no colon" was given.',
    );
    expect(refusal("a", "-H", "bad name: 1")).toContain("must be a header like name:value");
  });
});

describe("the help of a command with operands", () => {
  const command = defineAgentCommand<CopySettings>({
    name: "copy",
    summary: "Copy something.",
    usage: ["copy <from> [to]"],
    examples: ["copy a b"],
    exitCodes: [[0, "copied"]],
    options: OPTIONS,
    run: async () => 0,
  });

  test("explains them, repetition, variables and its own exit codes", async () => {
    const surroundings = new CapturedSurroundings();
    await runCommandLine({ copy: command }, "copy", ["copy", "--help"], surroundings);
    expect(surroundings.stdoutText).toMatchSnapshot();
  });

  test("can be had without running it", () => {
    const { operands, options, exitCodes } = command.description;
    expect(operands.map(({ operand }) => operand)).toEqual(["<from>", "[to]"]);
    expect(options.map(({ flag }) => flag)).toEqual(["header", "times", "quiet"]);
    expect(exitCodes).toEqual([[0, "copied"]]);
  });
});
