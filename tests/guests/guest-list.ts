/**
 * Every guest of this folder: its name, how it is made, and what it does in a line. The README is written from this.
 */

export interface GuestRecipe {
  /** One line, for people. */
  readonly does: string;
  readonly from:
    | { readonly kind: "reply"; readonly result: string | Uint8Array }
    /** `file` without `.wat`. */
    | { readonly kind: "wat"; readonly file: string; readonly values: Readonly<Record<string, string>> };
}

function reply(result: string | Uint8Array, does: string): GuestRecipe {
  return { does, from: { kind: "reply", result } };
}

function wat(file: string, does: string, values: Readonly<Record<string, string>> = {}): GuestRecipe {
  return { does, from: { kind: "wat", file, values } };
}

function resultAt(pointer: number, length: number, does: string): GuestRecipe {
  return wat("result-at", does, { POINTER: `${pointer}`, LENGTH: `${length}` });
}

function allocReturns(pointer: number, does: string): GuestRecipe {
  return wat("alloc-returns", does, { POINTER: `${pointer}` });
}

/** Answers bodies, frames and guardrails with the text. */
function bytesReply(result: string, does: string): GuestRecipe {
  return wat("reply-to-bytes", does, {
    RESULT: result.replaceAll(/[\\"]/g, "\\$&"),
    LENGTH: `${Buffer.byteLength(result)}`,
  });
}

const TRAP = { MISBEHAVE: "(unreachable)" };
const LOOP = { MISBEHAVE: "(loop $forever (br $forever))" };
/** Two pages, the memory of an ordinary guest. */
const MEMORY_BYTES = 131072;
const TEN_MIB = 10 * 1024 * 1024;
const ALLOW_BYTES = 20;
const DEPTH = 10_000;

export const GUESTS = {
  allow: reply('{"decision":"allow"}', "allows"),
  block: reply(
    '{"decision":"block","status":451,"body":"not here","tags":["blocked"]}',
    "blocks with 451, a body and a tag",
  ),
  "block-defaults": reply('{"decision":"block"}', "blocks and says nothing more"),
  redirect: reply('{"decision":"redirect","status":307,"body":"https://login.test/"}', "redirects with 307"),
  "redirect-defaults": reply('{"decision":"redirect"}', "redirects without a target"),
  headers: reply(
    '{"decision":"allow","add_request_headers":{"X-A":"1"},"remove_request_headers":["X-B"],"add_response_headers":{"X-C":"2"},"remove_response_headers":["X-D"]}',
    "allows, and changes headers on both sides",
  ),
  constant: wat("constant", "allows, by the least code there can be"),
  echo: wat("echo", "allows; the input comes back as `audit.custom.input`", { EXPORTS: "" }),
  "echo-all-keys": wat("echo", "the same, with all optional input keys asked for", {
    EXPORTS: '(func (export "sentinel_abi_flags") (result i32) (i32.const 3))',
  }),
  counter: wat("counter", "allows with the tags `n-1`, `n-2`, ...: state of the instance"),
  initialize: wat("initialize", "allows with the tag `n-<calls of _initialize>`"),
  "only-request": wat("only-request", "blocks requests; has no handler for responses"),
  "only-response": wat("only-response", "blocks responses; has no handler for requests"),
  compute: wat("compute", "computes for about a millisecond, then allows", { ROUNDS: "165000" }),
  "compute-long": wat("compute", "computes for about fifty milliseconds, then allows", {
    ROUNDS: "8250000",
  }),

  trap: wat("in-handler", "traps in the handlers", TRAP),
  "trap-on-marker": wat("on-marker", "traps when the input contains `boom`, else allows", TRAP),
  "trap-in-start": wat("in-start", "traps in the start section", TRAP),
  "trap-in-initialize": wat("in-initialize", "traps in `_initialize`", TRAP),
  "trap-in-alloc": wat("in-alloc", "traps in `alloc`", TRAP),
  "trap-in-dealloc": wat("in-dealloc", "traps in `dealloc`", TRAP),
  loop: wat("in-handler", "never returns from the handlers", LOOP),
  "loop-on-marker": wat("on-marker", "never returns when the input contains `boom`, else allows", LOOP),
  "loop-in-start": wat("in-start", "never returns from the start section", LOOP),
  "loop-in-initialize": wat("in-initialize", "never returns from `_initialize`", LOOP),
  "loop-in-alloc": wat("in-alloc", "never returns from `alloc`", LOOP),
  "loop-in-dealloc": wat("in-dealloc", "never returns from `dealloc`", LOOP),
  "loop-in-abi-flags": wat("echo", "never returns from `sentinel_abi_flags`", {
    EXPORTS: '(func (export "sentinel_abi_flags") (result i32) (loop $l (br $l)) (unreachable))',
  }),
  "loop-in-recursion": wat("loop-in-recursion", "never returns: loops inside a recursion that ends"),
  "loop-around-recursion": wat("loop-around-recursion", "never returns: loops that go on behind a recursion"),
  "loop-caught": wat("catch-loop", "never returns, and catches every exception on the way"),
  "recursion-mutual": wat("recursion-mutual", "overflows the stack by two functions"),
  "recursion-exponential": wat("recursion-exponential", "makes 2^60 calls, sixty deep, without a loop"),

  "memory-bomb": wat("memory-bomb", "grows its memory until refused, then allows with the tag `n-<pages>`"),
  "memory-growth": wat("memory-growth", "grows by a page an event, and allows with the tag `n-<pages>`"),
  "table-bomb": wat("table-bomb", "grows a table until refused, then allows with the tag `n-<entries>`"),
  "memory-chase": wat("memory-chase", "never returns: follows links through 32 MiB, which no cache holds", {
    FOLLOW: "(local.set $at (i32.load offset=131072 (local.get $at)))",
  }),
  "memory-chase-in-recursion": wat("memory-chase", "the same, in loops that go on behind a recursion", {
    FOLLOW: "(call $descend (i32.const 4000))",
  }),
  "huge-fill": wat("huge-fill", "fills 32 MiB two thousand times, then allows"),

  "pointer-past-end": resultAt(MEMORY_BYTES, ALLOW_BYTES, "its result starts where memory ends"),
  "length-past-end": resultAt(16, MEMORY_BYTES, "its result is as long as memory, but starts later"),
  "result-overlaps-end": resultAt(
    MEMORY_BYTES - ALLOW_BYTES + 1,
    ALLOW_BYTES,
    "its result ends one byte behind memory",
  ),
  "result-ends-with-memory": wat("result-ends-with-memory", "allows, from the last bytes of memory"),
  "pointer-negative": resultAt(-16, ALLOW_BYTES, "its result's pointer is -16"),
  "length-negative": resultAt(16, -1, "its result's length is -1"),
  "pointer-and-length-negative": resultAt(
    -1,
    -1,
    "its result's pointer and length are -1: their sum overflows",
  ),
  "pointer-zero": resultAt(0, ALLOW_BYTES, "its result's pointer is 0: no opinion"),
  "length-zero": resultAt(16, 0, "its result's length is 0: no opinion"),
  "result-zero": resultAt(0, 0, "returns 0: no opinion"),

  "alloc-returns-zero": allocReturns(0, "`alloc` returns 0, and the handlers allow"),
  "alloc-returns-minus-one": allocReturns(-1, "`alloc` returns -1"),
  "alloc-returns-past-end": allocReturns(MEMORY_BYTES, "`alloc` returns the end of memory"),
  "alloc-returns-too-near-end": allocReturns(
    MEMORY_BYTES - 8,
    "`alloc` returns eight bytes before the end of memory",
  ),

  "not-json": reply("hello", "its result is not JSON"),
  "not-utf8": reply(Buffer.from('{"decision":"allow","body":"\xff"}', "latin1"), "its result is not UTF-8"),
  "byte-order-mark": reply('\ufeff{"decision":"allow"}', "its result starts with a byte order mark"),
  "deep-json": reply(
    `{"decision":"allow","deep":${"[".repeat(DEPTH)}${"]".repeat(DEPTH)}}`,
    "allows; an unknown key is nested ten thousand deep",
  ),
  "repeated-key": reply('{"decision":"allow","decision":"block"}', "decides twice"),
  "no-decision": reply("{}", "its result has no decision"),
  "unknown-decision": reply('{"decision":"maybe"}', "decides `maybe`"),
  "status-string": reply('{"decision":"block","status":"403"}', "its status is a string"),
  "status-70000": reply('{"decision":"block","status":70000}', "its status is 70000"),
  "status-99": reply('{"decision":"block","status":99}', "its status is 99"),
  "status-600": reply('{"decision":"block","status":600}', "its status is 600"),
  "header-name-newline": reply(
    '{"decision":"allow","add_request_headers":{"X-A\\r\\nX-B":"1"}}',
    "sets a header with a line break in its name",
  ),
  "header-value-newline": reply(
    '{"decision":"allow","add_request_headers":{"X-A":"1\\r\\nX-B: 2"}}',
    "sets a header with a line break in its value",
  ),
  "header-name-empty": reply(
    '{"decision":"allow","add_request_headers":{"":"1"}}',
    "sets a header without a name",
  ),
  "result-10-mib": wat("big-result", "allows with exactly 10 MiB of JSON", { LENGTH: `${TEN_MIB}` }),
  "result-10-mib-and-one": wat("big-result", "allows with 10 MiB of JSON and one byte", {
    LENGTH: `${TEN_MIB + 1}`,
  }),

  "echo-request": wat(
    "echo",
    "the input comes back as `audit.custom.input`, with the request in later events",
    {
      EXPORTS: '(func (export "sentinel_abi_flags") (result i32) (i32.const 4))',
    },
  ),
  "echo-bytes": wat(
    "echo-bytes",
    "handles every kind of event: allows; the input comes back as `audit.custom.input`, its bytes in hexadecimal as `audit.custom.bytes`",
    { EXPORTS: "" },
  ),
  "echo-bytes-request": wat("echo-bytes", "the same, with the request asked for in later events", {
    EXPORTS: '(func (export "sentinel_abi_flags") (result i32) (i32.const 4))',
  }),
  "replace-bytes": bytesReply(
    '{"decision":"allow","replace_body":"replaced"}',
    "replaces bodies by `replaced`",
  ),
  "replace-bytes-not-text": bytesReply(
    '{"decision":"allow","replace_body_base64":"/w=="}',
    "replaces bodies by a byte that is no text",
  ),
  "trap-on-bytes": wat("on-bytes", "traps at bodies, frames and guardrails", TRAP),
  "loop-on-bytes": wat("on-bytes", "never returns from bodies, frames and guardrails", LOOP),

  "missing-memory": wat("missing-memory", "does not export its memory"),
  "missing-alloc": wat("missing-alloc", "does not export `alloc`"),
  "missing-dealloc": wat("missing-dealloc", "does not export `dealloc`"),
  "missing-handlers": wat("missing-handlers", "exports neither handler"),
  "signature-alloc": wat("signature-alloc", "`alloc` takes an i64"),
  "signature-dealloc": wat("signature-dealloc", "`dealloc` takes one parameter"),
  "signature-handlers": wat("signature-handlers", "both handlers return an i32"),
  "signature-request": wat(
    "signature-request",
    "the request handler returns an i32, the response handler allows",
  ),
  "unknown-import": wat("unknown-import", "imports `env.nope`"),
  "unknown-wasi-function": wat(
    "unknown-wasi-function",
    "imports a WASI function that does not exist; allows with the tag `n-<its answer>`",
  ),

  "configure-accept": wat("configure", "accepts every configuration, and allows", {
    ANSWER: "(i32.const 0)",
  }),
  "configure-refuse": wat("configure", "refuses every configuration with 7, and allows", {
    ANSWER: "(i32.const 7)",
  }),
  "configure-trap": wat("configure", "traps when configured, else allows", { ANSWER: "(unreachable)" }),
  "configure-loop": wat("configure", "never returns when configured, else allows", {
    ANSWER: "(loop $forever (br $forever)) (i32.const 0)",
  }),
  "configure-echo": wat(
    "configure-echo",
    "allows with the configuration's text as its tag, once it was configured",
  ),

  "exit-0": wat("exit", "calls `proc_exit(0)`", { CODE: "0" }),
  "exit-1": wat("exit", "calls `proc_exit(1)`", { CODE: "1" }),
  "exit-caught": wat("catch-exit", "calls `proc_exit(1)`, catches what comes of it, and allows"),
  "write-flood": wat("write-flood", "writes ten thousand hostile lines to standard output, then allows"),
  "poll-sleep": wat("poll-sleep", "asks `poll_oneoff` to wait for an hour; allows with the tag `n-<events>`"),
  "atomic-wait": wat("atomic-wait", "waits for another thread, on shared memory"),
  abort: wat("abort", "calls AssemblyScript's `env.abort` with `no way ☃😀` at `policy.ts:7:3`"),
} as const satisfies Readonly<Record<string, GuestRecipe>>;

export type GuestName = keyof typeof GUESTS;

export const GUEST_NAMES = Object.keys(GUESTS) as readonly GuestName[];

export function recipeOf(name: GuestName): GuestRecipe {
  return GUESTS[name];
}
