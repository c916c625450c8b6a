import { describe, expect, test } from "bun:test";
import { checkModule } from "../../../src/tools/check/check-module.ts";
import type { Finding } from "../../../src/tools/check/finding.ts";
import type { GuestSettings } from "../../../src/tools/guest-settings.ts";
import { assembleWat } from "../../guests/assemble-guest.ts";
import { GUESTS, type GuestName } from "../../guests/guest-list.ts";
import { guestPath } from "../../guests/guest-path.ts";
import { type ExampleLanguage, examplePolicy } from "../../support/example-modules.ts";
import { DEFAULT_GUEST_SETTINGS } from "../../support/guest-settings.ts";

const SETTINGS: GuestSettings = { ...DEFAULT_GUEST_SETTINGS, timeoutMs: 200, startTimeoutMs: 500 };

async function checkFile(
  path: string,
  settings: Partial<GuestSettings> = {},
  configJson: string | null = null,
) {
  return checkModule(await Bun.file(path).bytes(), { ...SETTINGS, ...settings }, configJson);
}

/** `level subject: message`, without what is as it should be. */
function remarks(findings: readonly Finding[]): string[] {
  return findings
    .filter(({ level }) => level !== "ok")
    .map(({ level, subject, message }) => `${level} ${subject}: ${message}`);
}

/** A module of the contract, with some of it exchanged or more added. */
async function contractModule(parts: {
  readonly start?: string;
  readonly memory?: string;
  readonly more?: string;
}) {
  const bytes = await assembleWat(
    "contract",
    `(module
      ${parts.memory ?? '(memory (export "memory") 2)'}
      (func (export "alloc") (param i32) (result i32) (i32.const 1024))
      (func (export "dealloc") (param i32 i32))
      (func (export "on_request_headers") (param i32 i32) (result i64) (i64.const 0))
      ${parts.start ?? ""}
      ${parts.more ?? ""})`,
  );
  return checkModule(Uint8Array.from(bytes), SETTINGS, null);
}

describe("the check of an example", () => {
  const languages: readonly ExampleLanguage[] = ["rust", "go", "c", "assemblyscript", "zig"];
  for (const language of languages) {
    test(`finds nothing wrong with ${language}`, async () => {
      const { canBeServed, findings, sha256, sizeBytes } = await checkFile(examplePolicy(language));
      expect(canBeServed).toBe(true);
      expect(remarks(findings).filter((remark) => !remark.startsWith("note "))).toEqual([]);
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(sizeBytes).toBe(Bun.file(examplePolicy(language)).size);
    });
  }

  test("looks at every area", async () => {
    const { findings } = await checkFile(examplePolicy("go"));
    expect([...new Set(findings.map(({ area }) => area))]).toEqual([
      "exports",
      "imports",
      "start",
      "memory",
      "code",
      "behaviour",
    ]);
  });
});

describe("the check of a module that cannot be served", () => {
  const cases: readonly [guest: GuestName, found: string][] = [
    ["missing-memory", "error memory: the memory is not exported under this name"],
    ["missing-alloc", "error alloc: not exported"],
    ["missing-dealloc", "error dealloc: not exported"],
    [
      "missing-handlers",
      'error handlers: neither on_request_headers nor on_response_headers is exported; the functions that are: "alloc", "dealloc"',
    ],
    ["signature-alloc", "error alloc: is (i64) -> i32 instead of (i32) -> i32"],
    ["signature-dealloc", "error dealloc: is (i32) -> () instead of (i32, i32) -> ()"],
    [
      "signature-handlers",
      "error on_request_headers: is (i32, i32) -> i32 instead of (i32, i32) -> i64, so it is never called",
    ],
    [
      "unknown-import",
      'error env.nope: the module imports the function "nope" from "env", which this agent does not provide',
    ],
    ["trap-in-start", "error start: the module failed in the start section"],
    ["loop-in-initialize", "error start: the module did not finish _initialize within 500 ms"],
    ["trap", "error sample request: the guest trapped in"],
    ["loop", "error sample request: the guest was stopped in"],
    [
      "unknown-decision",
      'error sample request: decision must be allow, block, deny or redirect, got "maybe"',
    ],
    ["not-json", "error sample request: the guest's result is not JSON"],
    ["alloc-returns-past-end", "error sample request: alloc("],
  ];
  for (const [guest, found] of cases) {
    test(`names what is wrong with ${guest}: it ${GUESTS[guest].does}`, async () => {
      const { canBeServed, findings } = await checkFile(guestPath(guest));
      expect(canBeServed).toBe(false);
      expect(remarks(findings).some((remark) => remark.startsWith(found))).toBe(true);
    });
  }

  test("says what to do about every error and warning, but for files and starts that say it themselves", async () => {
    for (const [guest] of cases) {
      const { findings } = await checkFile(guestPath(guest));
      const silent = findings.filter(
        ({ level, advice }) => (level === "error" || level === "warning") && advice === null,
      );
      expect(silent.filter(({ subject }) => subject !== "start")).toEqual([]);
    }
  });

  test("names everything that is wrong with its exports at once", async () => {
    const bytes = await assembleWat("empty", "(module)");
    const { findings } = await checkModule(Uint8Array.from(bytes), SETTINGS, null);
    expect(findings.filter(({ level }) => level === "error").map(({ subject }) => subject)).toEqual([
      "memory",
      "alloc",
      "dealloc",
      "handlers",
    ]);
  });

  test("is over at once for a file that is no module", async () => {
    const text = await checkModule(Buffer.from("hello, world"), SETTINGS, null);
    expect(remarks(text.findings)).toEqual([expect.stringMatching(/^error format: .*not a WebAssembly/)]);
    const cut = (await Bun.file(examplePolicy("rust")).bytes()).slice(0, 1000);
    const { canBeServed, findings } = await checkModule(cut, SETTINGS, null);
    expect([canBeServed, findings.length]).toEqual([false, 1]);
  });

  test("names the memory that is too large to begin with", async () => {
    const { findings } = await checkFile(examplePolicy("rust"), { maxMemoryBytes: 65_536 });
    expect(remarks(findings)).toContain(
      "error initial size: begins with 1.1 MiB, but an instance may have 64 KiB",
    );
  });
});

describe("the check of a module that will hurt", () => {
  test("warns of a handler that is never called, for its type", async () => {
    const { canBeServed, findings } = await checkFile(guestPath("signature-request"));
    expect(canBeServed).toBe(true);
    expect(remarks(findings)).toContain(
      "warning on_request_headers: is (i32, i32) -> i32 instead of (i32, i32) -> i64, so it is never called",
    );
  });

  test("warns of a module that is built as a command", async () => {
    const { canBeServed, findings } = await contractModule({ start: '(func (export "_start"))' });
    expect(canBeServed).toBe(true);
    expect(findings.find(({ subject }) => subject === "_start")).toMatchObject({
      level: "warning",
      message: expect.stringContaining("`_start` is never called"),
      advice: expect.stringContaining("_initialize"),
    });
  });

  test("only notes a `_start` beside `_initialize`", async () => {
    const { findings } = await contractModule({
      start: '(func (export "_start")) (func (export "_initialize"))',
    });
    expect(remarks(findings)).toContain("note _start: never called; `_initialize` is");
  });

  test("warns of memory that grows with every call", async () => {
    const { findings } = await checkFile(guestPath("memory-growth"));
    expect(
      remarks(findings).some((remark) => remark.startsWith("warning sample request, growth: memory grows")),
    ).toBe(true);
  });

  test("warns of WASI functions that do not exist", async () => {
    const { findings } = await checkFile(guestPath("unknown-wasi-function"));
    expect(remarks(findings)).toContain("warning unknown: fd_frobnicate from wasi_snapshot_preview1");
  });

  test("warns of memory that is meant for threads", async () => {
    const { findings } = await contractModule({ memory: '(memory (export "memory") 2 4 shared)' });
    expect(findings.find(({ subject }) => subject === "shared memory")).toMatchObject({ level: "warning" });
  });

  test("notes that files and sockets are refused", async () => {
    const bytes = await assembleWat(
      "files",
      `(module
        (import "wasi_snapshot_preview1" "path_open" (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32))))`,
    );
    const { findings } = await checkModule(Uint8Array.from(bytes), SETTINGS, null);
    expect(findings.filter(({ area }) => area === "imports")).toMatchObject([
      { level: "ok", subject: "given", message: "fd_write from wasi_snapshot_preview1" },
      { level: "note", subject: "refused", message: "path_open from wasi_snapshot_preview1" },
    ]);
  });
});

describe("the check of a module that needs a configuration", () => {
  test("hands it over before the sample events", async () => {
    expect((await checkFile(guestPath("configure-accept"), {}, "{}")).canBeServed).toBe(true);
    const { canBeServed, findings } = await checkFile(guestPath("configure-refuse"), {}, "{}");
    expect(canBeServed).toBe(false);
    expect(remarks(findings)).toEqual([
      expect.stringContaining("error start: the module refuses the configuration: "),
    ]);
  });
});

describe("a name section", () => {
  test("is noted when it is absent", async () => {
    const { findings } = await checkFile(examplePolicy("rust"));
    expect(findings.find(({ subject }) => subject === "names")?.level).toBe("note");
  });

  test("is found where it is", async () => {
    const { findings } = await contractModule({});
    expect(findings.find(({ subject }) => subject === "names")?.level).toBe("ok");
  });
});
