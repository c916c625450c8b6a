/**
 * What every example folder promises: one build command in its README, and a small module that any host can load.
 */

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { documentedCommand } from "../../examples/documented-command.ts";
import { LANGUAGES, type Language } from "../../examples/find-toolchain.ts";

const EXAMPLES = join(import.meta.dir, "../../examples");

/** Bytes; a module that outgrows its budget carries something it should not. */
const BUDGETS: Readonly<Record<Language, number>> = {
  rust: 200_000,
  go: 2_100_000,
  c: 12_000,
  assemblyscript: 30_000,
  zig: 90_000,
};

/** What each toolchain links by itself, and the agent answers. */
const IMPORTED_FROM: Readonly<Record<Language, readonly string[]>> = {
  rust: [],
  go: ["wasi_snapshot_preview1"],
  c: [],
  assemblyscript: ["env"],
  zig: [],
};

describe.each([...LANGUAGES])("examples/%s", (language) => {
  const read = () => Bun.file(join(EXAMPLES, language, "policy.wasm")).bytes();

  test("documents one build command, of one line", () => {
    expect(documentedCommand(language)).toMatch(/^\S.*$/);
  });

  test("has a module within its budget", async () => {
    expect((await read()).length).toBeLessThan(BUDGETS[language]);
  });

  test("exports what the ABI asks for", async () => {
    const exports = WebAssembly.Module.exports(new WebAssembly.Module(await read()));
    const names = exports.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(["memory", "alloc", "dealloc", "on_request_headers", "on_response_headers"]),
    );
  });

  test("imports nothing but what its toolchain links", async () => {
    const imports = WebAssembly.Module.imports(new WebAssembly.Module(await read()));
    expect([...new Set(imports.map(({ module }) => module))]).toEqual([...IMPORTED_FROM[language]]);
  });

  test("does not carry the folders of who built it", async () => {
    expect(Buffer.from(await read()).toString("latin1")).not.toMatch(/\/(root|home|Users|tmp|work)\//);
  });
});

describe("examples/rego", () => {
  test("documents one build command, of one line", () => {
    expect(documentedCommand("rego")).toMatch(/^\S.*$/);
  });

  test("has a bundle within its budget, with the policy and its data as they are beside it", async () => {
    const read = (name: string) => Bun.file(join(EXAMPLES, "rego", name));
    const packed = await read("policy.tar.gz").bytes();
    expect(packed.length).toBeLessThan(70_000);
    const files = await new Bun.Archive(packed).files();
    expect([...files.keys()].sort()).toEqual(["/.manifest", "/data.json", "/policy.rego", "/policy.wasm"]);
    expect(await files.get("/data.json")?.json()).toEqual(await read("data.json").json());
    expect(await files.get("/policy.rego")?.text()).toContain("package envoy.authz");
  });
});
