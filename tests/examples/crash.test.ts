/**
 * A template traps when its policy is wrong: an index beyond the end of an array, or an address beyond the end of memory,
 * must never become an allow, whatever the toolchain's optimiser makes of it. Runs with the fresh builds, since it builds
 * the templates itself (`bun examples/build.ts --check`).
 */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { documentedCommand } from "../../examples/documented-command.ts";
import { findToolchain, LANGUAGES, type Language } from "../../examples/find-toolchain.ts";
import { EventFailure } from "../../src/event/failure.ts";
import { sampleRequest } from "../support/neutral-events.ts";
import { openGuest } from "../support/open-guest.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** Toolchains are slow, on a machine that may be busy. */
setDefaultTimeout(600_000);

const EXAMPLES = join(import.meta.dir, "../../examples");
const NOT_COPIED = new Set(["target", "node_modules", ".zig-cache", "policy.wasm"]);

interface Mistake {
  readonly file: string;
  /** The line behind which it is made. */
  readonly behind: string;
  readonly code: string;
}

/** Each makes its mistake for the uri `/crash`, with an index that no compiler can know. */
const MISTAKES: Readonly<Record<Language, Mistake>> = {
  rust: {
    file: "src/lib.rs",
    behind: "fn on_request(request: Request) -> Verdict {",
    code: 'if request.uri == "/crash" { let words = [1u8, 2]; std::hint::black_box(words[std::hint::black_box(request.uri.len())]); }',
  },
  go: {
    file: "policy.go",
    behind: "func onRequest(request Request) Verdict {",
    code: 'if request.uri == "/crash" { words := []byte{1, 2}; println(words[len(request.uri)]) }',
  },
  c: {
    file: "policy.c",
    behind: "  const request_event request = read_request((json_reader){input, input + length});",
    code: 'if (text_equals(request.uri, "/crash")) (void)*(volatile const char *)0xfffffff0u;',
  },
  assemblyscript: {
    file: "assembly/policy.ts",
    behind: "function decideRequest(request: Request): Verdict {",
    code: 'if (request.uri == "/crash") { const words = new StaticArray<i32>(2); trace(words[request.uri.length].toString()); }',
  },
  zig: {
    file: "policy.zig",
    behind: "fn onRequest(request: guest.Request, verdict: *guest.Verdict) !void {",
    code: 'const words = [_]u8{ 1, 2 }; if (std.mem.eql(u8, request.uri, "/crash") and words[request.uri.len] == 0) return;',
  },
};

const isBuilding = process.env["POLICY_FRESH_DIR"] !== undefined;

describe.each([...LANGUAGES])("the %s template", (language) => {
  const toolchain = findToolchain(language);

  test.skipIf(!isBuilding || !toolchain.isPresent)(
    "traps where its policy is wrong, and allows elsewhere",
    async () => {
      if (!toolchain.isPresent) return;
      using scratch = temporaryFolder();
      const folder = scratch.file(language);
      cpSync(join(EXAMPLES, language), folder, {
        recursive: true,
        filter: (source) => !NOT_COPIED.has(basename(source)),
      });
      const { file, behind, code } = MISTAKES[language];
      const source = readFileSync(join(folder, file), "utf8");
      expect(source).toContain(`${behind}\n`);
      writeFileSync(join(folder, file), source.replace(`${behind}\n`, `${behind}\n${code}\n`));
      const built = Bun.spawnSync(["sh", "-c", documentedCommand(language)], {
        cwd: folder,
        env: { ...process.env, ...toolchain.environment },
      });
      expect([built.exitCode, built.exitCode === 0 ? "" : built.stderr.toString()]).toEqual([0, ""]);

      const guest = await openGuest(join(folder, "policy.wasm"));
      expect(guest.call(sampleRequest({ uri: "/" })).decision.kind).toBe("allow");
      let failure: unknown = null;
      try {
        guest.call(sampleRequest({ uri: "/crash" }));
      } catch (error) {
        failure = error;
      }
      expect(failure).toBeInstanceOf(EventFailure);
      expect((failure as EventFailure).code).toBeOneOf(["guest-trap", "guest-abort", "guest-exit"]);
      expect(guest.instance.isBroken).toBe(true);
    },
  );
});
