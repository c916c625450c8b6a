import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import type { GuestName } from "../guests/guest-list.ts";
import { guestPath } from "../guests/guest-path.ts";
import { examplePolicy } from "../support/example-modules.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { authorPrograms } from "./author-program.ts";

/** Each test starts processes, on a machine that may have other things to do. */
setDefaultTimeout(60_000);

for (const program of authorPrograms()) {
  describe(`check, by ${program.name}`, () => {
    test("says that an example can be served, and why", () => {
      const { exitCode, stdout, stderr } = program.run(["check", examplePolicy("rust")]);
      expect([exitCode, stderr]).toEqual([0, ""]);
      const lines = stdout.trimEnd().split("\n");
      expect(lines[0]).toMatch(/policy\.wasm {2}[\d.]+ KiB {2}sha256 [0-9a-f]{64}$/);
      expect(lines).toContain("  ✓ on_request_headers      (i32, i32) -> i64");
      expect(lines.at(-1)).toBe("The module can be served.");
    });

    test("ends with 1 for a module that cannot be served, and says what to do", () => {
      const { exitCode, stdout } = program.run(["check", guestPath("missing-dealloc")]);
      expect(exitCode).toBe(1);
      expect(stdout).toContain(
        "  ✗ dealloc                 not exported\n    → export dealloc(i32, i32) -> ()",
      );
      expect(stdout).toEndWith("The module cannot be served: 1 error.\n");
    });

    test("counts warnings", () => {
      const { exitCode, stdout } = program.run(["check", guestPath("signature-request")]);
      expect(exitCode).toBe(0);
      expect(stdout).toEndWith("The module can be served: 1 warning.\n");
    });

    test("warns of a configuration that means nothing to the module", () => {
      using folder = temporaryFolder();
      writeFileSync(folder.file("config.json"), "{}");
      const run = (guest: GuestName) =>
        program.run(["check", guestPath(guest), "--config", folder.file("config.json")]).stdout;
      expect(run("allow")).toContain(
        "  ! configuration           means nothing to the module, which exports no usable on_configure\n    → export on_configure(i32, i32) -> i32, or leave --config out\n",
      );
      expect(run("configure-accept")).toContain("  ✓ configuration           accepted\n");
    });

    test("survives every module, and ends with 1 where the agent would not start", () => {
      for (const guest of [
        "trap-in-start",
        "loop-in-start",
        "loop-in-initialize",
        "unknown-import",
      ] as const) {
        const { exitCode, stderr } = program.run(["check", guestPath(guest), "--start-timeout-ms", "200"]);
        expect([guest, exitCode, stderr]).toEqual([guest, 1, ""]);
      }
    });

    test("prints JSON for programs", () => {
      const { exitCode, stdout } = program.run(["check", guestPath("trap"), "--json"]);
      expect(exitCode).toBe(1);
      const report = JSON.parse(stdout);
      expect(report).toMatchObject({ module: guestPath("trap"), can_be_served: false });
      expect(
        report.findings.find((one: { subject: string }) => one.subject === "sample request"),
      ).toMatchObject({
        area: "behaviour",
        level: "error",
        advice: expect.any(String),
      });
    });

    test("says what is wrong with a file that is no module", () => {
      using folder = temporaryFolder();
      writeFileSync(folder.file("policy.wasm"), "(module)");
      const { exitCode, stdout } = program.run(["check", folder.file("policy.wasm")]);
      expect(exitCode).toBe(1);
      expect(stdout).toContain("✗ format");
    });

    test("ends with 2 for a file that is not there, with one sentence", () => {
      expect(program.run(["check", "/nonexistent/policy.wasm"])).toEqual({
        exitCode: 2,
        stdout: "",
        stderr:
          "sentinel-wasm-agent: cannot read the module /nonexistent/policy.wasm: there is no such file; check the path (module-unreadable)\n",
      });
    });

    test("ends with 2 and a sentence when its report cannot be written", () => {
      for (const argv of [
        ["check", guestPath("allow")],
        ["call", guestPath("allow")],
        ["schema", "event"],
        ["check", "--help"],
      ]) {
        expect(program.run(argv, { stdoutPath: "/dev/full" })).toMatchObject({
          exitCode: 2,
          stderr: "sentinel-wasm-agent: cannot write the output: the disk is full (output-unwritable)\n",
        });
      }
    });

    test("has colours only where they are wanted", () => {
      const argv = ["check", guestPath("allow")];
      expect(program.run(argv).stdout).not.toContain("\u001b[");
      expect(program.run(argv, { env: { FORCE_COLOR: "1" } }).stdout).toContain("\u001b[32m✓");
    });
  });
}
