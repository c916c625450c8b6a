/**
 * Guests that abuse what the host gives them: each loops over one costly import for as long as it is let. Text as in
 * tests/guests, `$handle` being what is special.
 */

function wasiImport(name: string, parameters: string): string {
  return `(import "wasi_snapshot_preview1" "${name}" (func $${name} (param ${parameters}) (result i32)))`;
}

function forEver(imported: string, call: string, more = ""): string {
  return `${imported}
${more}
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (loop $again (drop ${call}) (br $again))
  (unreachable))
`;
}

const CLOCK_SUBSCRIPTION = `(data (i32.const 64)
  "\\07\\00\\00\\00\\00\\00\\00\\00" "\\00\\00\\00\\00\\00\\00\\00\\00" "\\01\\00\\00\\00\\00\\00\\00\\00"
  "\\00\\a0\\b8\\30\\46\\03\\00\\00" "\\00\\00\\00\\00\\00\\00\\00\\00" "\\00\\00\\00\\00\\00\\00\\00\\00")`;

export const HOST_IMPORT_GUESTS = {
  "writes a line to its output for ever": forEver(
    wasiImport("fd_write", "i32 i32 i32 i32"),
    "(call $fd_write (i32.const 1) (i32.const 128) (i32.const 1) (i32.const 136))",
    `(data (i32.const 64) "flood\\0a") (data (i32.const 128) "\\40\\00\\00\\00\\06\\00\\00\\00")`,
  ),
  "writes a megabyte at a time to its output for ever": forEver(
    wasiImport("fd_write", "i32 i32 i32 i32"),
    "(call $fd_write (i32.const 2) (i32.const 128) (i32.const 1) (i32.const 136))",
    `(memory (export "memory") 20) (data (i32.const 128) "\\00\\00\\01\\00\\00\\00\\10\\00")`,
  ),
  "asks for a megabyte of randomness for ever": forEver(
    wasiImport("random_get", "i32 i32"),
    "(call $random_get (i32.const 65536) (i32.const 1048576))",
    `(memory (export "memory") 20)`,
  ),
  "polls a clock for ever": forEver(
    wasiImport("poll_oneoff", "i32 i32 i32 i32"),
    "(call $poll_oneoff (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 192))",
    CLOCK_SUBSCRIPTION,
  ),
  "polls a thousand clocks for ever": forEver(
    wasiImport("poll_oneoff", "i32 i32 i32 i32"),
    "(call $poll_oneoff (i32.const 65536) (i32.const 262144) (i32.const 1024) (i32.const 64))",
    `(memory (export "memory") 8)`,
  ),
  "reads the time for ever": forEver(
    wasiImport("clock_time_get", "i32 i64 i32"),
    "(call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 64))",
  ),
  "yields for ever": forEver(wasiImport("sched_yield", ""), "(call $sched_yield)"),
  "waits for another thread for ever": `(memory (export "memory") 2 4 shared)
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (loop $again
    (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))
    (br $again))
  (unreachable))
`,
  "opens files for ever": forEver(
    wasiImport("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32"),
    `(call $path_open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 8) (i32.const 0)
      (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 128))`,
  ),
} as const satisfies Readonly<Record<string, string>>;
