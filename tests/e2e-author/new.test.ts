/**
 * A project from each template, built with the command that `new` prints, checked and asked. A language whose toolchain
 * is absent is skipped, and says what it needs.
 */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findToolchain, moduleFile } from "../../examples/find-toolchain.ts";
import { TEMPLATE_NAMES } from "../../src/tools/templates.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { authorPrograms } from "./author-program.ts";

/** Each test starts processes, on a machine that may have other things to do. */
setDefaultTimeout(60_000);

const BUILD_TIMEOUT_MS = 300_000;

/** What a policy allows, what it blocks, and what `call` says of that. */
const ASKED = {
  rego: ["/catalogue", "/orders", 'GET /orders → block 401 "Sign in first"'],
  others: ["/", "/admin", 'GET /admin → block 401 "Authentication required"'],
} as const;

const programs = authorPrograms();

describe("a new project", () => {
  // Building takes long enough to do it once: with the executable where there is one.
  const program = programs.at(-1) ?? programs[0];
  for (const template of TEMPLATE_NAMES) {
    const toolchain = findToolchain(template);
    const reason = toolchain.isPresent ? "" : ` (skipped: ${toolchain.missing})`;
    test.skipIf(!toolchain.isPresent)(
      `makes a ${template} project that builds, passes check and answers${reason}`,
      () => {
        using folder = temporaryFolder();
        const made = program.run(["new", "my policy", "--template", template], { cwd: folder.path });
        expect([made.exitCode, made.stderr]).toEqual([0, ""]);
        const [first = "", second = ""] = made.stdout.split("Next:\n")[1]?.split("\n") ?? [];

        const environment = toolchain.isPresent ? toolchain.environment : {};
        const build = Bun.spawnSync(["nice", "-n", "10", "sh", "-c", first], {
          cwd: folder.path,
          env: { ...process.env, ...environment },
        });
        expect([build.exitCode, build.exitCode === 0 ? "" : build.stderr.toString()]).toEqual([0, ""]);

        const module = join(folder.path, "my policy", moduleFile(template));
        const check = program.run(["check", module]);
        expect([check.exitCode, check.exitCode === 0 ? "" : check.stdout]).toEqual([0, ""]);
        const [allowed, blocked, answer] = ASKED[template === "rego" ? "rego" : "others"];
        expect(program.run(["call", module, "--uri", allowed]).exitCode).toBe(0);
        const refused = program.run(["call", module, "--uri", blocked]);
        expect([refused.exitCode, refused.stdout.split("\n")[0]]).toEqual([3, answer]);
        expect(second).toBe("  sentinel-wasm-agent dev");
      },
      BUILD_TIMEOUT_MS,
    );
  }
});

for (const program of programs) {
  describe(`new, by ${program.name}`, () => {
    test("prints only commands that exist", () => {
      using folder = temporaryFolder();
      const { stdout } = program.run(["new", folder.file("p"), "-t", "c"]);
      const named = [...stdout.matchAll(/^ {2}sentinel-wasm-agent (\w+)/gm)].map((match) => match[1] ?? "");
      expect(named.length).toBeGreaterThan(0);
      expect(named.filter((name) => !Object.hasOwn(COMMANDS, name))).toEqual([]);
    });

    test("refuses a folder that is not empty, and leaves it alone", () => {
      using folder = temporaryFolder();
      writeFileSync(folder.file("notes.txt"), "mine");
      expect(program.run(["new", folder.path, "--template", "rust"])).toEqual({
        exitCode: 2,
        stdout: "",
        stderr: `sentinel-wasm-agent: the folder ${folder.path} is not empty; name one that does not exist yet, or an empty one (folder-not-empty)\n`,
      });
      expect(readdirSync(folder.path)).toEqual(["notes.txt"]);
    });

    test("names a folder that could drive the terminal in a form that is harmless, and still leads there", () => {
      using folder = temporaryFolder();
      const name = "it's \u001b[2J\u202e";
      const { exitCode, stdout } = program.run(["new", name, "-t", "c"], { cwd: folder.path });
      expect(exitCode).toBe(0);
      expect(stdout).not.toMatch(/[^\P{C}\n]/u);
      const [cd] = /cd .+?(?= && )/.exec(stdout) ?? [""];
      const shell = Bun.spawnSync(["bash", "-c", `${cd} && pwd`], { cwd: folder.path });
      expect(shell.stdout.toString()).toBe(`${folder.file(name)}\n`);
    });

    test("asks for a template it has", () => {
      expect(program.run(["new", "x"])).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining(
          "--template is missing; give --template rust, go, c, assemblyscript, zig, rego or http-wasm-rust.",
        ),
      });
      expect(program.run(["new", "x", "--template", "cobol"]).stderr).toContain(
        '--template must be rust, go, c, assemblyscript, zig, rego or http-wasm-rust, but "cobol" was given.',
      );
    });
  });
}
