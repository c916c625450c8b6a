/**
 * Modules that cannot serve: at start a sentence and the exit code 2, within the start deadline; at a reload the same
 * sentence in the log, while the module of before goes on serving.
 */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { ModuleErrorCode } from "../../src/wasm/module-error.ts";
import { assembleWat } from "../guests/assemble-guest.ts";
import type { GuestName } from "../guests/guest-list.ts";
import { guestPath } from "../guests/guest-path.ts";
import { guestWat } from "../guests/guest-wat.ts";
import { HostileAgent } from "./hostile-agent.ts";
import { isPlainAllow } from "./other-requests.ts";
import { TimedClient } from "./timed-client.ts";

/** Processes are started here, on a machine that may be busy. */
setDefaultTimeout(60_000);

const START_TIMEOUT_MS = 200;
const FLAGS = ["--start-timeout-ms", String(START_TIMEOUT_MS), "--pool-size", "2"];

interface Row {
  readonly does: string;
  readonly module: () => Promise<string | Uint8Array>;
  readonly code: ModuleErrorCode;
  readonly sentence: string;
}

function row(does: string, name: GuestName, code: ModuleErrorCode, sentence: string): Row {
  return { does, module: async () => guestPath(name), code, sentence };
}

const ROWS: readonly Row[] = [
  row(
    "loops for ever in its start section",
    "loop-in-start",
    "module-start-deadline",
    "the module did not finish the start section within 200 ms; do slow work later or raise --start-timeout-ms",
  ),
  row(
    "loops for ever in _initialize",
    "loop-in-initialize",
    "module-start-deadline",
    "the module did not finish _initialize within 200 ms; do slow work later or raise --start-timeout-ms",
  ),
  row(
    "loops for ever in sentinel_abi_flags",
    "loop-in-abi-flags",
    "module-start-deadline",
    "the module did not finish sentinel_abi_flags within 200 ms; do slow work later or raise --start-timeout-ms",
  ),
  row(
    "traps in its start section",
    "trap-in-start",
    "module-start-failed",
    "the module failed in the start section: the guest trapped in start (called the start section): Unreachable code should not be executed",
  ),
  {
    does: "ends itself in its start section, and catches what comes of it",
    module: () =>
      assembleWat(
        "exit-in-start",
        guestWat(`(import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
(func $start (try (do (call $proc_exit (i32.const 3))) (catch_all)))
(start $start)`),
      ),
    code: "module-start-failed",
    sentence:
      "the module failed in the start section: the guest ended itself with exit code 3 instead of returning; what it wrote to its standard error may say why",
  },
  row(
    "traps in _initialize",
    "trap-in-initialize",
    "module-start-failed",
    "the module failed in _initialize: the guest trapped in _initialize: Unreachable code should not be executed",
  ),
  row(
    "keeps its memory to itself",
    "missing-memory",
    "module-missing-export",
    "the module does not export its memory under the name `memory`; the host reads and writes JSON there",
  ),
  row(
    "has no alloc",
    "missing-alloc",
    "module-missing-export",
    "the module does not export the function `alloc(i32) -> i32`",
  ),
  row(
    "has no dealloc",
    "missing-dealloc",
    "module-missing-export",
    "the module does not export the function `dealloc(i32, i32) -> ()`",
  ),
  row(
    "has no handler",
    "missing-handlers",
    "module-missing-export",
    "the module exports neither `on_request_headers` nor `on_response_headers`; at least one of type (i32, i32) -> i64 is needed",
  ),
  row(
    "has an alloc of another type",
    "signature-alloc",
    "module-wrong-signature",
    "the module exports `alloc` as (i64) -> i32; the contract says (i32) -> i32",
  ),
  row(
    "has a dealloc of another type",
    "signature-dealloc",
    "module-wrong-signature",
    "the module exports `dealloc` as (i32) -> (); the contract says (i32, i32) -> ()",
  ),
  row(
    "has handlers of another type",
    "signature-handlers",
    "module-wrong-signature",
    "the module has no handler that can be called: the export `on_request_headers` is (i32, i32) -> i32 instead of (i32, i32) -> i64 and is never called",
  ),
  row(
    "imports what nobody gives",
    "unknown-import",
    "module-missing-import",
    'the module imports the function "nope" from "env", which this agent does not provide',
  ),
  {
    does: "starts with more memory than it may have",
    module: () => assembleWat("big-memory", guestWat('(memory (export "memory") 1025)')),
    code: "module-memory-too-large",
    sentence: "--max-memory",
  },
  {
    does: "is no module at all",
    module: async () => Buffer.from("#!/bin/sh\nrm -rf /\n"),
    code: "module-not-wasm",
    sentence: "the file is not a WebAssembly binary",
  },
  {
    does: "is cut short",
    module: async () => (await Bun.file(guestPath("allow")).bytes()).subarray(0, 60),
    code: "module-invalid",
    sentence:
      "The module is not valid WebAssembly: a list of 71 elements does not fit at byte 39. Build it again, or check that the file is complete.",
  },
];

describe("at start, a module that", () => {
  test.each(ROWS)("$does ends the agent with 2 and $code", async ({ module, code, sentence }) => {
    const { exitCode, complaints } = await HostileAgent.runToItsEnd({ module: await module(), flags: FLAGS });
    expect(complaints).toHaveLength(1);
    expect(complaints[0]).toContain(sentence);
    expect(complaints[0]).toEndWith(` (${code})`);
    expect(exitCode).toBe(2);
  });
});

describe("text of a module that cannot start", () => {
  /** A line break with a forged log line, ESC, U+009B (one byte of a terminal's control sequences), and a bidi override. */
  const HOSTILE = '\n{"level":"info","msg":"ready"}\n\u001b[2J\u009b2J\u202e';
  const ESCAPED = '\\u000a{"level":"info","msg":"ready"}\\u000a\\u001b[2J\\u009b2J\\u202e';
  const PLACE = "n".repeat(Buffer.byteLength(HOSTILE));

  /** A name of a function cannot hold such characters in the text format, so they are put into the binary. */
  async function namedByHostiles(): Promise<Uint8Array> {
    const text = guestWat(`(func $${PLACE} (unreachable))\n(func (export "_initialize") (call $${PLACE}))`);
    const bytes = Buffer.from(await assembleWat("hostile-name", text));
    bytes.write(HOSTILE, bytes.indexOf(PLACE));
    return bytes;
  }

  function abortsWithHostileText(): Promise<Uint8Array> {
    const utf16 = Buffer.from(HOSTILE, "utf16le");
    const length = Buffer.from(Uint32Array.of(utf16.length).buffer);
    const data = [...length, ...utf16].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
    return assembleWat(
      "hostile-abort",
      guestWat(`(import "env" "abort" (func $abort (param i32 i32 i32 i32)))
(data (i32.const 2048) "${data}")
(func (export "_initialize") (call $abort (i32.const 2052) (i32.const 0) (i32.const 7) (i32.const 3)))`),
    );
  }

  const MODULES = [
    ["names of its functions", namedByHostiles, `the guest trapped in ${ESCAPED}`],
    ["the message of its abort", abortsWithHostileText, `the guest aborted: ${ESCAPED} (unknown file:7:3)`],
  ] as const;

  for (const logFormat of ["json", "pretty"] as const) {
    test.each(MODULES)(`%s: escaped, in one line (${logFormat})`, async (_what, module, sentence) => {
      const ended = await HostileAgent.runToItsEnd({ module: await module(), flags: FLAGS, logFormat });
      expect(ended.log).not.toMatch(/[^\P{C}\n]/u);
      expect(ended.complaints).toEqual([expect.stringContaining(sentence)]);
      expect(ended.log).toBe(`${ended.complaints[0]}\n`);
      expect(ended.exitCode).toBe(2);
    });
  }
});

describe("at a reload", () => {
  test("each of them is refused with its code, and the module of before goes on serving", async () => {
    await using agent = await HostileAgent.start({ module: guestPath("counter"), flags: FLAGS });
    using client = await TimedClient.connect(agent.socketPath, 2);
    let asked = 0;
    for (const { module, code, sentence } of ROWS) {
      agent.replaceModule(await module());
      const line = await agent.reload();
      expect(line).toMatchObject({
        msg: "the new module cannot be used; the one before goes on serving",
        code,
      });
      expect(line["problem"]).toContain(sentence);
      const { answer } = await client.ask("request");
      // Not even its state is lost.
      expect(answer.tags).toEqual([`n-${++asked}`]);
    }
  });

  test("a module that can be used takes over", async () => {
    await using agent = await HostileAgent.start({ module: guestPath("trap"), flags: FLAGS });
    using client = await TimedClient.connect(agent.socketPath, 1);
    agent.replaceModule(guestPath("allow"));
    expect(await agent.reload()).toMatchObject({ msg: "reloaded the module" });
    expect(isPlainAllow((await client.ask("request")).answer)).toBe(true);
  });
});

describe("a module that misbehaves when it is configured", () => {
  test.each([
    ["loops for ever", "configure-loop", "guest-deadline"],
    ["traps", "configure-trap", "guest-trap"],
    ["refuses", "configure-refuse", "guest-configuration-refused"],
  ] as const)("%s: the configuration is refused, and requests are answered", async (_does, name, code) => {
    await using agent = await HostileAgent.start({ module: guestPath(name), flags: FLAGS });
    for (const protocol of [1, 2] as const) {
      using client = await TimedClient.connect(agent.socketPath, protocol);
      expect(await client.configure({ "pool-size": 3 })).toBe(false);
      expect(isPlainAllow((await client.ask("request")).answer)).toBe(true);
    }
    expect(agent.lines.find((line) => line["code"] === code)?.msg).toBe(
      "the module refused the proxy's configuration",
    );
  });
});
