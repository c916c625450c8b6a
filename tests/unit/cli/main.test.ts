/**
 * The real process: what it prints where, and how it ends. What else is refused, and why, stands in
 * refused-options.test.ts.
 */

import { describe, expect, test } from "bun:test";
import manifest from "../../../package.json" with { type: "json" };

const MAIN = new URL("../../../src/main.ts", import.meta.url).pathname;

function runMain(argv: readonly string[], env: Record<string, string> = {}) {
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, MAIN, ...argv], {
    env: { PATH: process.env["PATH"], ...env },
    stdin: "ignore",
  });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

describe("the process", () => {
  test("prints its version and ends well", () => {
    expect(runMain(["--version"])).toEqual({
      exitCode: 0,
      stdout: `sentinel-wasm-agent ${manifest.version}\n`,
      stderr: "",
    });
  });

  test("prints its help on stdout and ends well", () => {
    const { exitCode, stdout, stderr } = runMain(["--help"]);
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(stdout).toStartWith(manifest.description.slice(0, 40));
    expect(stdout).toContain("--module <file>");
  });

  const refused: readonly [
    name: string,
    argv: readonly string[],
    env: Record<string, string>,
    said: string,
  ][] = [
    ["no module", [], {}, "--module is missing; give --module <file> or set WASM_MODULE."],
    ["a misspelt option", ["--modul", "x"], {}, "Unknown option --modul; did you mean --module?"],
    ["an unknown command", ["serv"], {}, 'Unknown command "serv"; did you mean serve?'],
    [
      "a wrong number",
      ["--module=m", "--pool-size=0"],
      {},
      '--pool-size must be a whole number from 1 to 256, but "0" was given.',
    ],
    [
      "a wrong variable",
      [],
      { WASM_MODULE: "m", WASM_LOG_FORMAT: "xml" },
      'WASM_LOG_FORMAT must be pretty or json, but "xml" was given.',
    ],
  ];
  for (const [name, argv, env, said] of refused) {
    test(`ends with 2 and one sentence on stderr for ${name}`, () => {
      expect(runMain(argv, env)).toEqual({
        exitCode: 2,
        stdout: "",
        stderr: `sentinel-wasm-agent: ${said}\nRun sentinel-wasm-agent --help for all options.\n`,
      });
    });
  }

  for (const format of ["pretty", "json"]) {
    test(`ends with 2 and one line without a stack for a module that is not there (${format})`, () => {
      const { exitCode, stdout, stderr } = runMain([
        "--module=/nonexistent/policy.wasm",
        `--log-format=${format}`,
      ]);
      expect([exitCode, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(/^[^\n]*\/nonexistent\/policy\.wasm[^\n]*module-unreadable[^\n]*\n$/);
    });
  }

  test("does not mind when nobody reads its help", () => {
    const script = '"$0" "$1" --help > >(exit 0); echo "ended with $?" >&2';
    const { stderr } = Bun.spawnSync(["bash", "-c", script, process.execPath, MAIN]);
    expect(stderr.toString()).toBe("ended with 0\n");
  });
});
