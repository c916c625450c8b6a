/** The manual page: that it says what the options say, and that man(1) can read it. */

import { describe, expect, test } from "bun:test";
import manifest from "../../../package.json" with { type: "json" };
import { defineAgentCommand } from "../../../src/cli/agent-command.ts";
import { renderManPage } from "../../../src/cli/man-page.ts";
import { choiceKind, integerKind, pathKind, switchKind } from "../../../src/cli/value-kind.ts";

const SERVE = defineAgentCommand<{ modulePath: string; poolSize: number; limits: boolean; verbose: boolean }>(
  {
    name: "serve",
    summary: "Serve a proxy.",
    usage: ["--module <file> [options]"],
    examples: ["--module 'a b.wasm'"],
    options: {
      modulePath: {
        flag: "module",
        env: "WASM_MODULE",
        kind: pathKind(),
        fallback: { required: true },
        placeholder: "<file>",
        description: "The module.",
        group: "Module",
      },
      poolSize: {
        flag: "pool-size",
        env: "WASM_POOL_SIZE",
        kind: integerKind({ min: 1, max: 9 }),
        fallback: { value: 4 },
        placeholder: "<count>",
        description: ".How many, C:\\dir.",
        group: "Module",
      },
      limits: {
        flag: "limits",
        kind: switchKind(),
        fallback: { value: true },
        description: "None.",
        group: "Limits",
      },
      verbose: {
        flag: "verbose",
        alias: "v",
        kind: switchKind(),
        fallback: { value: false },
        description: "'More.",
        group: "Logs",
      },
    },
    run: async () => 0,
  },
).description;

const CHECK = defineAgentCommand<{ mode: "fast" | "slow" }>({
  name: "check",
  summary: "Check a module.",
  usage: ["check <mode>"],
  examples: [],
  options: {
    mode: {
      operand: "<mode>",
      kind: choiceKind(["fast", "slow"]),
      fallback: { value: "fast" },
      description: "How.",
    },
  },
  exitCodes: [[0, "it is good"]],
  run: async () => 0,
}).description;

const page = renderManPage([SERVE, CHECK]);

describe("the manual page", () => {
  test("opens with name and version", () => {
    expect(page).toStartWith(
      `.TH SENTINEL\\-WASM\\-AGENT 1 "" "sentinel\\-wasm\\-agent ${manifest.version}" "User Commands"\n`,
    );
  });

  test("tells of each option how it is written, its variable and its default", () => {
    expect(page).toContain(
      ".TP\n\\fB\\-\\-module\\fR \\fI<file>\\fR\nThe module.\nVariable: WASM_MODULE.\nRequired.\n",
    );
    expect(page).toContain("Variable: WASM_POOL_SIZE.\nDefault: 4.\n");
    expect(page).toContain("\\fB\\-\\-no\\-limits\\fR\nNone.\n");
    expect(page).toContain("\\fB\\-\\-verbose\\fR, \\fB\\-v\\fR\n");
  });

  test("takes no text for a request or an escape", () => {
    expect(page).toContain("\\&.How many, C:\\edir.");
    expect(page).toContain("\\&'More.");
  });

  test("has a part for each other command", () => {
    expect(page).toContain('.SS "check"\nCheck a module.\n');
    expect(page).toContain("\\fI<mode>\\fR\nHow.\nDefault: fast.\n");
    expect(page).toContain("\\fB0\\fR\nit is good.\n");
  });

  const isSkipped = Bun.which("groff") === null;
  test.skipIf(isSkipped)(
    `is read by groff without a warning${isSkipped ? " (skipped: groff is not installed)" : ""}`,
    () => {
      const { stdout, stderr } = Bun.spawnSync(["groff", "-man", "-ww", "-Tutf8", "-P-cbou"], {
        stdin: new TextEncoder().encode(page),
      });
      expect(stderr.toString()).toBe("");
      expect(stdout.toString()).toContain("--pool-size <count>");
    },
  );
});
