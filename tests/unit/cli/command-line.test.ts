import { describe, expect, test } from "bun:test";
import manifest from "../../../package.json" with { type: "json" };
import type { Settings } from "../../../src/agent/settings.ts";
import { defineAgentCommand } from "../../../src/cli/agent-command.ts";
import { runCommandLine } from "../../../src/cli/command-line.ts";
import { type RunAgent, serveCommand } from "../../../src/cli/serve.ts";
import { switchKind } from "../../../src/cli/value-kind.ts";
import { CapturedSurroundings } from "./captured-surroundings.ts";

const HINT = "Run sentinel-wasm-agent --help for all options.\n";

const checkCommand = defineAgentCommand<{ json: boolean }>({
  name: "check",
  summary: "Say whether a module can be served.",
  usage: ["check [options]"],
  examples: ["check --json"],
  options: {
    json: {
      flag: "json",
      env: "CHECK_JSON",
      kind: switchKind(),
      fallback: { value: false },
      description: "Print JSON.",
      group: "Output",
    },
  },
  run: async ({ json }, { stdout }) => {
    stdout.write(`json: ${json}\n`);
    return 1;
  },
});

async function runLine(
  argv: readonly string[],
  options: { env?: Record<string, string>; runAgent?: RunAgent } = {},
) {
  const served: Settings[] = [];
  const surroundings = new CapturedSurroundings(options.env);
  const runAgent: RunAgent = async (settings, log, recorder) => {
    served.push(settings);
    return options.runAgent?.(settings, log, recorder) ?? 0;
  };
  const tree = { serve: serveCommand(runAgent), check: checkCommand };
  const exitCode = await runCommandLine(tree, "serve", argv, surroundings);
  return { exitCode, served, stdout: surroundings.stdoutText, stderr: surroundings.stderrText };
}

describe("a command line", () => {
  test("without a command serves", async () => {
    const { exitCode, served, stdout, stderr } = await runLine(["--module", "check"]);
    expect(served).toMatchObject([{ modulePath: "check", poolSize: 4 }]);
    expect([exitCode, stdout, stderr]).toEqual([0, "", ""]);
  });

  test("may name the command to serve", async () => {
    const { served } = await runLine(["serve", "--module=a.wasm", "-v"]);
    expect(served).toMatchObject([{ modulePath: "a.wasm", verbose: true }]);
  });

  test("takes settings from the environment alone", async () => {
    const { served } = await runLine([], { env: { WASM_MODULE: "a.wasm", FAIL_OPEN: "yes" } });
    expect(served).toMatchObject([{ modulePath: "a.wasm", failOpen: true }]);
  });

  test("may name another command, with options and an exit code of its own", async () => {
    const { exitCode, served, stdout } = await runLine(["check", "--json"]);
    expect([exitCode, served, stdout]).toEqual([1, [], "json: true\n"]);
  });

  test("ends with the agent's exit code", async () => {
    const { exitCode } = await runLine(["--module=m"], { runAgent: async () => 2 });
    expect(exitCode).toBe(2);
  });

  test("gives the agent a log on stderr in the format asked for", async () => {
    const runAgent: RunAgent = async (_settings, log) => {
      log.info("ready");
      log.debug("detail");
      return 0;
    };
    const pretty = await runLine(["--module=m", "--log-format=pretty"], { runAgent });
    expect(pretty.stderr).toMatch(/^\d\d:\d\d:\d\d\.\d{3} INFO {2}ready\n$/);
    const json = await runLine(["--module=m", "--verbose"], { runAgent });
    expect(
      json.stderr
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { level: "info", msg: "ready" },
      { level: "debug", msg: "detail" },
    ]);
  });

  test("that is wrong gets one sentence and a hint on stderr, nothing on stdout, and exit code 2", async () => {
    const { exitCode, served, stdout, stderr } = await runLine(["--modul", "a.wasm"]);
    expect(stderr).toBe(`sentinel-wasm-agent: Unknown option --modul; did you mean --module?\n${HINT}`);
    expect([exitCode, served, stdout]).toEqual([2, [], ""]);
  });

  test("that names a command is pointed to the help of that command", async () => {
    const { exitCode, stderr } = await runLine(["check", "--jsno"]);
    expect([exitCode, stderr]).toEqual([
      2,
      "sentinel-wasm-agent: Unknown option --jsno; did you mean --json?\nRun sentinel-wasm-agent check --help for all options.\n",
    ]);
  });

  for (const [name, said] of [
    ["chekc", 'Unknown command "chekc"; did you mean check?'],
    ["a.wasm", 'Unknown command "a.wasm"; a module to serve is given with --module.'],
    ["constructor", 'Unknown command "constructor".'],
    ["\u001b[2J", 'Unknown command "\\u001b[2J".'],
    ["", 'Unexpected argument "": values follow their option, and a command comes first.'],
  ] as const) {
    test(`that begins with ${JSON.stringify(name)} is wrong`, async () => {
      const { exitCode, stderr } = await runLine([name]);
      expect([exitCode, stderr]).toEqual([2, `sentinel-wasm-agent: ${said}\n${HINT}`]);
    });
  }

  test("names a bug as such, without a stack, and ends with exit code 1", async () => {
    const runAgent: RunAgent = () => Promise.reject(new TypeError("x is not\n a function"));
    const { exitCode, stderr } = await runLine(["--module=m"], { runAgent });
    expect([exitCode, stderr]).toEqual([
      1,
      "sentinel-wasm-agent: BUG: TypeError: x is not\\u000a a function\n",
    ]);
  });
});

describe("--version", () => {
  for (const flag of ["--version", "-V"]) {
    test(`${flag} prints name and version, whatever else is said`, async () => {
      const { exitCode, stdout, stderr } = await runLine(["--wrong", flag]);
      expect([exitCode, stdout, stderr]).toEqual([0, `sentinel-wasm-agent ${manifest.version}\n`, ""]);
    });
  }

  test("-v is not the version", async () => {
    const { stdout, served } = await runLine(["--module=m", "-v"]);
    expect([stdout, served[0]?.verbose]).toEqual(["", true]);
  });
});

describe("--help", () => {
  test("explains everything about serving, in eighty columns", async () => {
    const { exitCode, stdout, stderr } = await runLine(["--help"]);
    expect(stdout).toMatchSnapshot();
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
    expect([exitCode, stderr]).toEqual([0, ""]);
  });

  test("of a command explains that command alone", async () => {
    const { stdout } = await runLine(["check", "-h"]);
    expect(stdout).toMatchSnapshot();
  });

  test("is shown in spite of a wrong option, and the same for the command that serves by default", async () => {
    const { stdout } = await runLine(["--help"]);
    expect((await runLine(["--wrong", "-h"])).stdout).toBe(stdout);
    expect((await runLine(["serve", "--help"])).stdout).toBe(stdout);
  });

  test("is not asked for after the end of options", async () => {
    const { exitCode, stdout } = await runLine(["--module=m", "--", "--help"]);
    expect([exitCode, stdout]).toEqual([2, ""]);
  });

  test("lists commands only where there is a choice", async () => {
    const surroundings = new CapturedSurroundings();
    await runCommandLine({ serve: serveCommand(async () => 0) }, "serve", ["--help"], surroundings);
    expect(surroundings.stdoutText).not.toContain("Commands");
    expect(surroundings.stdoutText).not.toContain("<command>");
  });

  test("has headings in bold where colours are wanted", async () => {
    const { stdout } = await runLine(["--help"], { env: { FORCE_COLOR: "1" } });
    expect(stdout).toContain("\u001b[1mUsage\u001b[22m");
  });
});
