import { describe, expect, test } from "bun:test";
import { describeFatalError } from "../../../src/cli/fatal-error.ts";
import { OptionsError } from "../../../src/cli/options-error.ts";
import { InputError } from "../../../src/event/input-error.ts";
import { ProjectError } from "../../../src/tools/dev/dev-project.ts";
import { PlaygroundError } from "../../../src/tools/dev/playground-server.ts";
import { SocketError } from "../../../src/transport/socket-error.ts";
import { ModuleError } from "../../../src/wasm/module-error.ts";

const HOSTILE = 'a\n{"level":"info"}\u001b[2J\u009b\u202e';
const ESCAPED = 'a\\u000a{"level":"info"}\\u001b[2J\\u009b\\u202e';

describe("an error that ends a command", () => {
  test.each([
    ["ModuleError", new ModuleError("module-start-failed", HOSTILE)],
    ["SocketError", new SocketError("socket-failed", HOSTILE)],
    ["InputError", new InputError("event-unreadable", HOSTILE)],
    ["ProjectError", new ProjectError(HOSTILE)],
    ["PlaygroundError", new PlaygroundError(HOSTILE)],
  ] as const)("%s: one escaped line with its code, and the exit code 2", (_name, error) => {
    expect(describeFatalError(error, "--help")).toEqual({
      text: `sentinel-wasm-agent: ${ESCAPED} (${error.code})\n`,
      exitCode: 2,
    });
  });

  test("of the command line names the page to read", () => {
    expect(describeFatalError(new OptionsError("option-unknown", HOSTILE), "check --help")).toEqual({
      text: `sentinel-wasm-agent: ${ESCAPED}\nRun sentinel-wasm-agent check --help for all options.\n`,
      exitCode: 2,
    });
  });

  test.each([
    ["any other error", new TypeError(HOSTILE), `TypeError: ${ESCAPED}`],
    ["what is no error", HOSTILE, ESCAPED],
  ])("%s: a bug, said in one escaped line, with the exit code 1", (_name, thrown, said) => {
    expect(describeFatalError(thrown, "--help")).toEqual({
      text: `sentinel-wasm-agent: BUG: ${said}\n`,
      exitCode: 1,
    });
  });

  test("is cut when its text is endless, and keeps its code", () => {
    const { text } = describeFatalError(
      new ModuleError("module-start-failed", "n".repeat(100_000)),
      "--help",
    );
    expect(text.length).toBeLessThan(2200);
    expect(text).toEndWith("n… (module-start-failed)\n");
  });
});
