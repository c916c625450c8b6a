/** Policies that lie: about their memory, about their values, about how long they take. */

import { describe, expect, test } from "bun:test";
import { openOpaGuest } from "../../opa/open-opa-guest.ts";
import { type WatPolicy, watPolicy } from "../../opa/wat-policy.ts";
import { sampleRequest } from "../../support/neutral-events.ts";

const open = async (policy: WatPolicy, options = {}) =>
  openOpaGuest(await watPolicy("hostile", policy), options);
const EVENT = sampleRequest();
const HIGH = 0x7fff_0000;

async function outcome(policy: WatPolicy, options = {}): Promise<string> {
  const guest = await open(policy, options);
  const failure = guest.failureOf(EVENT);
  return `${failure.split(":")[0]}${guest.instance.isBroken ? ", broken" : ""}`;
}

describe("a result", () => {
  test.each([
    ["outside of memory", `(i32.const ${HIGH})`, "guest-result-out-of-bounds, broken"],
    ["at minus one", "(i32.const -1)", "guest-result-out-of-bounds, broken"],
    [
      "at the last byte",
      "(i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1))",
      "guest-result-not-json, broken",
    ],
    [
      "that never ends",
      "(memory.fill (i32.const 40000) (i32.const 32) (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 40000))) (i32.const 40000)",
      "guest-result-too-large, broken",
    ],
    [
      "that is no UTF-8",
      "(i32.store (i32.const 40000) (i32.const 0x00ff22)) (i32.const 40000)",
      "guest-result-not-utf8, broken",
    ],
    [
      "that is empty",
      "(i32.store (i32.const 40000) (i32.const 0)) (i32.const 40000)",
      "guest-result-not-json, broken",
    ],
  ])("%s", async (_, eval_, expected) => expect(await outcome({ eval: eval_ })).toBe(expected));

  test("nested deeper than the host reads is a failure, and no crash", async () => {
    const deep = `(memory.fill (i32.const 40000) (i32.const 91) (i32.const 100000)) (i32.store8 (i32.const 140000) (i32.const 0)) (i32.const 40000)`;
    expect(await outcome({ eval: deep })).toStartWith("guest-result-not-json");
  });
});

describe("an end", () => {
  test.each([
    ["by opa_abort", "(call $opa_abort (i32.const 512)) (call $decide_true)", "guest-abort, broken"],
    [
      "by opa_abort with a text outside of memory",
      `(call $opa_abort (i32.const ${HIGH})) (call $decide_true)`,
      "guest-abort, broken",
    ],
    ["by a trap", "(unreachable)", "guest-trap, broken"],
    ["that never comes", "(loop $l (br $l)) (unreachable)", "guest-deadline, broken"],
    ["of the stack", "(return (call $deeper (i32.const 0)))", "guest-stack-overflow, broken"],
    [
      "of the memory",
      "(drop (call $malloc (i32.const 100000000))) (call $decide_true)",
      "guest-abort, broken",
    ],
  ])("%s", async (_, eval_, expected) => {
    const more =
      "(func $deeper (param $n i32) (result i32) (i32.add (i32.const 1) (call $deeper (local.get $n))))";
    expect(await outcome({ more, eval: eval_ }, { timeoutMs: 100 })).toBe(expected);
  });
});

describe("an allocator", () => {
  test.each([
    ["that gives addresses outside of memory", `(i32.const ${HIGH})`],
    ["that gives minus one", "(i32.const -1)"],
  ])("%s: the data does not fit", async (_, address) => {
    const exports = { opa_malloc: `(func (export "opa_malloc") (param i32) (result i32) ${address})` };
    const refused: unknown = await open({ exports, eval: "(call $decide_true)" }).catch(
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({ code: "module-start-failed" });
  });

  test.each([
    ["the heap lies at the end of memory", "(i32.const -8)"],
    ["the heap lies beyond memory", `(i32.const ${HIGH})`],
  ])("%s: the input does not fit", async (_, address) => {
    // The first answer is where the data begins, the second where evaluations do.
    const lie = `
      (global $asked (mut i32) (i32.const 0))
      (func (export "opa_heap_ptr_get") (result i32)
        (global.set $asked (i32.add (global.get $asked) (i32.const 1)))
        (if (result i32) (i32.lt_u (global.get $asked) (i32.const 2)) (then (global.get $heap)) (else ${address})))`;
    expect(await outcome({ exports: { opa_heap_ptr_get: lie }, eval: "(call $decide_true)" })).toMatch(
      /^guest-(?:alloc-out-of-bounds|abort|trap), broken$/,
    );
  });
});

describe("built-in functions", () => {
  /** Calls `id` with a text as its argument, and answers false if the function is undefined. */
  const calling = (id: number, at = 2048): string => `
    (if (call $builtin1 (i32.const ${id}) (i32.const 0) (i32.const ${at})) (then (return (call $decide_true))))
    (call $decide_false)`;
  const HEX = '{"hex.encode":7}';

  test.each([
    ["that was not declared", calling(8), '"a"', "guest-trap, broken"],
    ["with an argument outside of memory", calling(7, HIGH), '"a"', "guest-builtin-limit, broken"],
    ["with an argument that is no value", calling(7), "hello", "guest-result-not-json, broken"],
    ["with an argument that ends too early", calling(7), '["a"', "guest-result-not-json, broken"],
    [
      "with an argument nested too deeply",
      calling(7),
      `${"[".repeat(300)}${"]".repeat(300)}`,
      "guest-builtin-limit, broken",
    ],
    ["with a number of too many digits", calling(7), "9".repeat(5000), "guest-builtin-limit, broken"],
  ])("%s", async (_, eval_, argument, expected) => {
    const data = new Map([[2048, argument]]);
    expect(await outcome({ builtins: HEX, data, eval: eval_ })).toBe(expected);
  });

  test("with arguments of another type are undefined", async () => {
    const guest = await open({
      builtins: HEX,
      data: new Map([[2048, "[1, {2, 3}, set(), {4: 5}]"]]),
      eval: calling(7),
    });
    expect(guest.call(EVENT)).toMatchObject({ decision: { kind: "block" } });
  });

  test("with fewer arguments than they take are undefined", async () => {
    const eval_ = `(if (call $builtin0 (i32.const 7) (i32.const 0)) (then (return (call $decide_true)))) (call $decide_false)`;
    expect((await open({ builtins: HEX, eval: eval_ })).call(EVENT)).toMatchObject({
      decision: { kind: "block" },
    });
  });

  test("whose result the policy's allocator has no room for", async () => {
    const exports = {
      opa_malloc: `(func (export "opa_malloc") (param $n i32) (result i32) (if (result i32) (i32.lt_u (local.get $n) (i32.const 5)) (then (call $malloc (local.get $n))) (else (i32.const ${HIGH}))))`,
    };
    const data = new Map([[2048, '"abcdef"']]);
    expect(await outcome({ exports, builtins: HEX, data, eval: calling(7) })).toBe(
      "guest-alloc-out-of-bounds, broken",
    );
  });

  test("whose binary result the policy lays out in another way", async () => {
    const data = new Map([[2048, '"ff00"']]);
    expect(await outcome({ builtins: '{"hex.decode":7}', data, eval: calling(7) })).toBe(
      "agent-internal, broken",
    );
  });

  test("that ask for ever more work are stopped at the deadline", async () => {
    const text = JSON.stringify("x".repeat(20_000));
    const eval_ =
      "(loop $l (drop (call $builtin1 (i32.const 7) (i32.const 0) (i32.const 2048))) (global.set $heap (i32.const 70000)) (br $l)) (unreachable)";
    const guest = await open(
      { builtins: '{"crypto.md5":7}', data: new Map([[2048, text]]), eval: eval_ },
      { timeoutMs: 100 },
    );
    const startedAtMs = performance.now();
    expect(guest.failureOf(EVENT)).toStartWith("guest-deadline");
    expect(performance.now() - startedAtMs).toBeLessThan(5000);
  });

  test("that call the policy which calls them again end with the stack", async () => {
    const exports = {
      opa_value_dump:
        '(func (export "opa_value_dump") (param $v i32) (result i32) (call $builtin1 (i32.const 7) (i32.const 0) (local.get $v)))',
    };
    expect(await outcome({ exports, builtins: HEX, eval: calling(7) })).toBe("guest-stack-overflow, broken");
  });

  test("within a policy that never writes its arguments are stopped at the deadline", async () => {
    const exports = {
      opa_value_dump:
        '(func (export "opa_value_dump") (param i32) (result i32) (loop $l (br $l)) (unreachable))',
    };
    expect(await outcome({ exports, builtins: HEX, eval: calling(7) }, { timeoutMs: 100 })).toBe(
      "guest-deadline, broken",
    );
  });
});
