/** Work of built-in functions is bounded, whatever their arguments: beyond the bounds the evaluation ends. */

import { describe, expect, test } from "bun:test";
import {
  type EvaluationContext,
  TooMuchWork,
  UndefinedResult,
} from "../../../src/abi/opa/builtins/builtin.ts";
import { BUILTIN_NAMES, loadBuiltins } from "../../../src/abi/opa/builtins/registry.ts";
import { RegoNumber } from "../../../src/abi/opa/values/rego-number.ts";
import { RegoObject, type RegoValue } from "../../../src/abi/opa/values/rego-value.ts";

function contextOf(more: Partial<EvaluationContext> = {}): EvaluationContext {
  return {
    nowNs: 1_782_907_200_000_000_000n,
    memo: new Map(),
    fillRandom: (bytes) => void crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>),
    charge() {},
    assertInTime() {},
    print() {},
    ...more,
  };
}

async function call(
  name: string,
  args: readonly RegoValue[],
  context = contextOf(),
): Promise<RegoValue | "undefined" | "too much"> {
  const [builtin] = await loadBuiltins([name]);
  try {
    return builtin!(args, context);
  } catch (thrown) {
    if (thrown instanceof UndefinedResult) return "undefined";
    if (thrown instanceof TooMuchWork) return "too much";
    throw thrown;
  }
}

const number = (value: number): RegoNumber => RegoNumber.of(value);
const times = (text: string, count: number): string => text.repeat(count);

describe("too much work", () => {
  test.each<[string, readonly RegoValue[]]>([
    ["sprintf", [times("%1000000d", 20), new Array<RegoValue>(20).fill(number(1))]],
    ["strings.any_prefix_match", [new Array<string>(5000).fill("a"), new Array<string>(5000).fill("b")]],
    ["strings.split_n", [times("a", 300_000), "", number(5)]],
    ["indexof_n", [times("a", 300_000), "a"]],
    ["regex.replace", [times("x", 1_000_000), "(x+x+)+y", "z"]],
    ["regex.find_n", ["a", times("a", 1_000_000), number(-1)]],
    ["regex.split", [times("(a|b)", 2000), "a"]],
    ["regex.template_match", [times("a", 10_000), "a", "<", ">"]],
    ["regex.globs_match", [times("a*", 1000), "b"]],
    ["net.cidr_expand", ["10.0.0.0/8"]],
    ["net.cidr_expand", ["::/0"]],
    [
      "net.cidr_contains_matches",
      [new Array<string>(1000).fill("10.0.0.0/8"), new Array<string>(1000).fill("10.0.0.1")],
    ],
    ["net.cidr_merge", [new Array<string>(20_001).fill("10.0.0.0/8")]],
    ["io.jwt.decode", [times("a", 2_000_000)]],
    ["io.jwt.verify_rs256", ["a.b.c", JSON.stringify({ keys: new Array(1001).fill({ kty: "oct", k: "" }) })]],
    ["units.parse", ["1e99999"]],
    ["units.parse_bytes", [times("9", 6000)]],
    ["yaml.unmarshal", [times("a", 300_000)]],
    [
      "yaml.unmarshal",
      [`a: &a [${times("x,", 300)}]\nb: &b [${times("*a,", 300)}]\nc: [${times("*b,", 300)}]`],
    ],
    ["yaml.unmarshal", [`${times("[", 200)}${times("]", 200)}`]],
    ["strings.render_template", [times("a", 70_000), new RegoObject()]],
    ["strings.render_template", ["{{range 1000000}}a{{end}}", new RegoObject()]],
    [
      "strings.render_template",
      [
        '{{define "T"}}{{range .l}}{{range $.l}}{{printf "%1000s" .}}{{end}}{{end}}{{end}}{{template "T" .}}',
        new RegoObject([["l", new Array<string>(200).fill("x")]]),
      ],
    ],
    ["json.patch", [null, new Array<RegoValue>(10_001).fill(null)]],
  ])("%s", async (name, args) => expect(await call(name, args)).toBe("too much"));
});

describe("expressions that make other engines go back and forth", () => {
  test.each([
    ["(a+)+$", `${times("a", 2000)}b`],
    ["(x+x+)+y", times("x", 2000)],
    ["^(([a-z])+.)+[A-Z]([a-z])+$", times("a", 2000)],
    ["(.*)(.*)(.*)(.*)(.*)x", times("a", 2000)],
  ])("%s is matched in time", async (expression, text) => {
    const startedAtMs = performance.now();
    expect(await call("regex.find_n", [expression, text, number(1)])).toEqual([]);
    expect(performance.now() - startedAtMs).toBeLessThan(5000);
  });

  test("what Go does not know is no expression", async () => {
    for (const expression of ["(?<=a)b", "(a)\\1", "a{1001}", "(?!a)", "["]) {
      expect(await call("regex.split", [expression, "ab"])).toBe("undefined");
    }
  });
});

describe("work is charged, and stops with the deadline", () => {
  test.each<[string, readonly RegoValue[]]>([
    ["regex.replace", [times("ab", 1000), "a", "b"]],
    ["crypto.sha256", [times("a", 100_000)]],
    ["net.cidr_expand", ["10.0.0.0/20"]],
    ["yaml.unmarshal", [times("a: 1\n", 1000)]],
    ["io.jwt.decode", [`${times("a", 10_000)}.b.c`]],
    ["strings.any_prefix_match", [new Array<string>(300).fill("a"), new Array<string>(300).fill("b")]],
  ])("%s charges what it will do before it does it", async (name, args) => {
    const charges: number[] = [];
    await call(name, args, contextOf({ charge: (units) => void charges.push(units) }));
    const charged = charges.reduce((sum, units) => sum + units, 0);
    expect(charged).toBeGreaterThan(100_000);
  });

  test.each<[string, readonly RegoValue[]]>([
    ["regex.find_n", ["a", times("ab", 100), number(-1)]],
    ["regex.globs_match", [times("a*b*", 20), times("b*a*", 20)]],
    [
      "json.patch",
      [
        [],
        [
          new RegoObject([
            ["op", "add"],
            ["path", "/0"],
            ["value", null],
          ]),
        ],
      ],
    ],
    ["strings.render_template", ["{{range .l}}a{{end}}", new RegoObject([["l", [null, null]]])]],
    ["object.subset", [[null, true], [true]]],
  ])("%s looks at the time while it works", async (name, args) => {
    const stop = new Error("the time is up");
    const context = contextOf({
      assertInTime: () => {
        throw stop;
      },
    });
    expect(call(name, args, context)).rejects.toBe(stop);
  });
});

describe("one evaluation", () => {
  test("draws each random number and makes each UUID once", async () => {
    const context = contextOf();
    for (const [name, args] of [
      ["rand.intn", ["dice", number(1_000_000_000)]],
      ["uuid.rfc4122", ["order"]],
    ] as const) {
      const first = await call(name, args, context);
      expect(await call(name, args, context)).toEqual(first);
      expect(await call(name, [`${args[0]}2`, ...args.slice(1)], context)).not.toEqual(first);
      expect(await call(name, args, contextOf())).not.toEqual(first);
    }
  });

  test("has one time", async () => {
    expect(await call("time.now_ns", [])).toEqual(new RegoNumber("1782907200000000000"));
  });

  test("writes lines", async () => {
    const lines: string[] = [];
    const context = contextOf({ print: (text) => void lines.push(text) });
    await call("trace", ["traced"], context);
    await call("internal.print", [[["not a set"]]], context);
    expect(lines).toEqual(["traced", "<undefined>"]);
  });
});

test("every function of the list can be loaded", async () => {
  const functions = await loadBuiltins([...BUILTIN_NAMES, "no.such"]);
  expect(functions.slice(0, -1).every((builtin) => typeof builtin === "function")).toBe(true);
  expect(functions.at(-1)).toBeUndefined();
});
