/** What holds for every command there is. */

import { describe, expect, test } from "bun:test";
import { runCommandLine } from "../../../src/cli/command-line.ts";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { CapturedSurroundings } from "./captured-surroundings.ts";

async function run(...argv: string[]) {
  const surroundings = new CapturedSurroundings();
  const exitCode = await runCommandLine(COMMANDS, "serve", argv, surroundings);
  return { exitCode, stdout: surroundings.stdoutText, stderr: surroundings.stderrText };
}

describe.each(Object.entries(COMMANDS))("the command %s", (name, { description }) => {
  test("is known by its own name", () => {
    expect(description.name).toBe(name);
  });

  test("explains itself in eighty columns", async () => {
    const { exitCode, stdout } = await run(name, "--help");
    expect(exitCode).toBe(0);
    const tooLong = stdout.split("\n").filter((line) => line.length > 80);
    // Commands that people may paste are not broken.
    expect(tooLong.filter((line) => !line.startsWith("  sentinel-wasm-agent "))).toEqual([]);
  });

  test("gives every flag and short flag to one option only", () => {
    const names = description.options.flatMap(({ flag, alias }) => [
      `--${flag}`,
      ...(alias === undefined ? [] : [`-${alias}`]),
    ]);
    names.push("--help", "-h", "--version", "-V");
    expect(names.filter((one, index) => names.indexOf(one) !== index)).toEqual([]);
  });

  test("describes every option and operand in sentences", () => {
    for (const parameter of [...description.options, ...description.operands]) {
      expect(parameter.description).toEndWith(".");
    }
    for (const { kind, placeholder } of description.options) {
      expect(placeholder === undefined).toBe(kind.type === "switch");
    }
  });

  test("has its name in front of its usage and examples", () => {
    const lines = [...description.usage, ...description.examples];
    expect(lines.filter((line) => name !== "serve" && !line.startsWith(name))).toEqual([]);
  });
});
