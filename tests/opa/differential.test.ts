/**
 * Built-in functions whose rules are those of Go's libraries, against OPA's evaluator: generated arguments, many of them
 * wrong on purpose, must give the same results and the same "undefined".
 */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { type Builtin, type EvaluationContext, UndefinedResult } from "../../src/abi/opa/builtins/builtin.ts";
import { loadBuiltins } from "../../src/abi/opa/builtins/registry.ts";
import { RegoNumber } from "../../src/abi/opa/values/rego-number.ts";
import { parseRego } from "../../src/abi/opa/values/rego-text.ts";
import { isArray, RegoObject, RegoSet, type RegoValue } from "../../src/abi/opa/values/rego-value.ts";
import { findOpa, type OpaTool } from "./opa-tool.ts";

setDefaultTimeout(900_000);

const SAMPLES = 150;
const SEED = 20_260_701;

const pieces = (words: readonly string[], most: number) =>
  fc.array(fc.constantFrom(...words), { maxLength: most }).map((parts) => parts.join(""));
const letters = (alphabet: string, most: number) => pieces([...alphabet], most);
const value = fc.oneof(
  fc.constantFrom(0, 1, -1, 42, 255, 8364, 1e6, 1.5, -2.25, 0.1, 1e21, 1e-7, 1 / 3, true, null),
  letters("abé\"\\\n<>&' ☃", 6),
  fc.constantFrom([1, "a"], { b: 1, a: [null, true] }),
);
const version = fc
  .tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.constantFrom("", "-a", "-1", "-a.1", "-1.a", "+x", "-01"))
  .map(([a, b, c, rest]) => `${a}.${b}.${c}${rest}`);
const amount = (units: readonly string[]) =>
  fc.tuple(letters("0123456789.eE+-", 5), fc.constantFrom(...units)).map((parts) => parts.join(""));
const expression = fc.constantFrom(
  "a",
  "a*",
  "(a)(b)?",
  "b|",
  "",
  "^",
  "$",
  "[^a]",
  ".",
  "(?P<n>a)",
  "\\s*",
  "(?i)A",
  "\\b",
  "(",
  "a{2,}",
);
const network = fc.oneof(
  fc.tuple(fc.nat(4), fc.integer({ min: 22, max: 26 })).map(([a, bits]) => `10.0.${a}.0/${bits}`),
  fc.tuple(fc.nat(3), fc.nat(255)).map(([a, b]) => `192.168.${a}.${b}`),
  fc.tuple(fc.nat(4), fc.integer({ min: 46, max: 50 })).map(([a, bits]) => `2001:db8:${a}::/${bits}`),
);
const ACTIONS = [
  "{{.s}}",
  "{{.n}}",
  "{{.missing.x}}",
  "{{if .a}}x{{else}}y{{end}}",
  "{{range $i, $e := .l}}{{$i}}={{$e}},{{end}}",
  "{{len .l}}",
  '{{printf "%s-%v" .s .n}}',
  "{{index .l 1}}",
  "{{with .o}}{{.k}}{{end}}",
  '{{eq .s "t"}}',
  "{{.o}}",
  " {{- .n -}} ",
  "{{/* c */}}",
  "{{and .a .s}}",
  "{{or .a .s}}",
  "{{not .a}}",
  "{{html .h}}",
  "{{.n | print}}",
  "{{$x := .s}}{{$x}}",
  "{{range .none}}a{{else}}b{{end}}",
  "{{print 1 2 .s 3}}",
  "{{ge 2 1}}",
  "{{slice .s 0 1}}",
  "{{",
  "text",
];

const GENERATORS: Readonly<Record<string, fc.Arbitrary<readonly unknown[]>>> = {
  sprintf: fc.tuple(
    pieces(
      [
        "%",
        "d",
        "s",
        "v",
        "q",
        "x",
        "X",
        "5",
        ".2",
        "-",
        "+",
        "0",
        "#",
        " ",
        "f",
        "e",
        "g",
        "c",
        "U",
        "t",
        "b",
        "o",
        "[1]",
        "[2]",
        "*",
        "T",
        "%5.2f",
        "%-8s|",
        "%08.3f",
        "text",
      ],
      7,
    ),
    fc.array(value, { maxLength: 3 }),
  ),
  "regex.replace": fc.tuple(letters("aabbc é1", 12), expression, letters("X$1{}nx0", 6)),
  "regex.split": fc.tuple(expression, letters("aab cé", 8)),
  "regex.find_n": fc.tuple(expression, letters("aab cé", 8), fc.constantFrom(-1, 0, 1, 2)),
  "regex.template_match": fc.tuple(
    letters("a<b>{}[0-9].", 8),
    letters("ab09", 4),
    fc.constantFrom("<", "{", "ab"),
    fc.constantFrom(">", "}", "é"),
  ),
  "regex.globs_match": fc.tuple(letters("ab.*+[]-c", 6), letters("ab.*+[]-c", 6)),
  "urlquery.decode": fc.tuple(letters("a+%2fé%Ff%zz%", 8)),
  "urlquery.decode_object": fc.tuple(letters("a=b&c%20+;%z=", 10)),
  "uri.parse": fc.tuple(
    fc
      .tuple(
        fc.constantFrom("http://", "https://", "", "//", "mailto:", "ftp://u:p@", "/"),
        letters("ab.:/?#[]@%2f é1", 12),
      )
      .map((parts) => parts.join("")),
  ),
  "units.parse": fc.tuple(amount(["", "K", "k", "m", "M", "Mi", "g", "GI", "e", "Ei", "x", "kb"])),
  "units.parse_bytes": fc.tuple(amount(["", "K", "kb", "MiB", "gb", "e", "ei", "x", "m"])),
  "semver.compare": fc.tuple(version, version),
  "net.cidr_merge": fc.tuple(fc.array(network, { maxLength: 6 })),
  "net.cidr_contains_matches": fc.tuple(
    fc.array(fc.constantFrom("10.0.0.0/8", "::/0", "0.0.0.0/0", "::ffff:10.0.0.0/104"), { maxLength: 2 }),
    fc.array(fc.constantFrom("10.1.2.3", "192.168.1.0/24", "::1", "2001:db8::/32", "::ffff:10.1.2.3", "no"), {
      maxLength: 2,
    }),
  ),
  "time.parse_rfc3339_ns": fc.tuple(
    fc.constantFrom(
      "2024-02-29T01:00:00Z",
      "2023-02-29T00:00:00Z",
      "2024-01-01T1:00:00.5+02:00",
      "1500-01-01T00:00:00Z",
      "2024-01-01T23:59:60Z",
      "2024-01-01T00:00:00,123456789123-11:30",
      "2024-01-01t00:00:00z",
      "2024-01-01T00:00:00+25:00",
    ),
  ),
  "time.clock": fc.tuple(
    fc.tuple(
      fc.integer({ min: -1_000_000_000, max: 2_000_000_000 }).map((s) => s * 1e9),
      fc.constantFrom("UTC", "", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Nowhere/X"),
    ),
  ),
  "json.patch": fc.tuple(
    fc.constantFrom<unknown>({ a: { b: [1, 2, 3] }, c: "x" }, [1, [2, 3]], "s"),
    fc.array(
      // OPA itself crashes when the document is removed.
      fc
        .record({
          op: fc.constantFrom("add", "remove", "replace", "move", "copy", "test", "no"),
          path: fc.constantFrom<unknown>("", "/a", "/a/b/1", "/a/b/-", "/0", "/1/0", "a/b", "/c", "/x~1y", [
            "a",
            "b",
            0,
          ]),
          from: fc.constantFrom("/a/b/0", "/c", "/1", "/a"),
          value: fc.constantFrom<unknown>(1, [2], { z: 1 }),
        })
        .filter(({ op, path }) => op !== "remove" || path !== ""),
      { maxLength: 2 },
    ),
  ),
  "yaml.unmarshal": fc.tuple(
    fc
      .tuple(
        fc.constantFrom("a: ", "- ", ""),
        pieces(
          [
            "yes",
            "on",
            "012",
            "0o7",
            "1_000",
            "1.5",
            "null",
            "~",
            "2020-01-01",
            "'q'",
            "[1, b]",
            "{x: y}",
            "0x1F",
            "0b11",
            "+1",
            "-.5",
            "1e3",
            "True",
            "|\n  x\n",
            "\n",
          ],
          1,
        ),
      )
      .map((parts) => parts.join("")),
  ),
  "strings.render_template": fc.tuple(
    pieces(ACTIONS, 4),
    fc.record({
      a: fc.constantFrom(true, false, null, "", 0, 1),
      l: fc.constant([1, "b", true]),
      s: fc.constant("t"),
      n: fc.constantFrom(5, 1.5),
      o: fc.constant({ k: "v", j: 1 }),
      h: fc.constant("<a&'\">"),
      none: fc.constant([]),
    }),
  ),
};

const CONTEXT: EvaluationContext = {
  nowNs: 0n,
  memo: new Map(),
  fillRandom() {},
  charge() {},
  assertInTime() {},
  print() {},
};

const opa = await findOpa();

describe.skipIf(typeof opa === "string")(
  typeof opa === "string" ? `generated arguments (${opa})` : "generated arguments",
  () => {
    test.each(Object.entries(GENERATORS))("%s", async (name, generator) => {
      if (typeof opa === "string") return;
      const samples = fc
        .sample(generator, { numRuns: SAMPLES, seed: SEED })
        .map((args) => JSON.stringify(args));
      const [builtin] = await loadBuiltins([name]);
      const expected = await resultsOfOpa(opa, name, samples);
      const actual = samples.map((args) => resultOf(builtin!, args));
      const differing = samples.flatMap((args, i) =>
        Bun.deepEquals(sorted(actual[i]), sorted(expected[i]))
          ? []
          : [`${name}${args}: ${JSON.stringify(actual[i])} for ${JSON.stringify(expected[i])}`],
      );
      expect(differing).toEqual([]);
    });
  },
);

/** Undefined where OPA's is. */
async function resultsOfOpa(
  tool: OpaTool,
  name: string,
  samples: readonly string[],
): Promise<readonly unknown[]> {
  const arity = (JSON.parse(samples[0]!) as readonly unknown[]).length;
  const args = Array.from({ length: arity }, (_, i) => `args[${i}]`).join(", ");
  const policy = join(tool.scratch, `differential-${name}.rego`);
  await Bun.write(
    policy,
    `package differential\n\nresult[i] := x if {\n\tsome i, args in input\n\tx := ${name}(${args})\n}\n`,
  );
  const child = Bun.spawn(
    [tool.command, "eval", "-d", policy, "-I", "-f", "json", "data.differential.result"],
    {
      stdin: Buffer.from(`[${samples.join(",")}]`),
      stdout: "pipe",
      stderr: "ignore",
    },
  );
  const report = (await new Response(child.stdout).json()) as {
    result: readonly { expressions: readonly { value: Readonly<Record<string, unknown>> }[] }[];
  };
  const values = report.result[0]!.expressions[0]!.value;
  return samples.map((_, i) => values[String(i)]);
}

function resultOf(builtin: Builtin, args: string): unknown {
  try {
    return toJson(
      builtin(parseRego(args, { maxDepth: 64, maxValues: 10_000 }) as readonly RegoValue[], CONTEXT),
    );
  } catch (error) {
    if (error instanceof UndefinedResult) return undefined;
    throw error;
  }
}

/** As OPA prints it: bytes that are no UTF-8 have become U+FFFD. */
function toJson(value: RegoValue): unknown {
  if (typeof value === "string") return value.toWellFormed();
  if (value === null || typeof value === "boolean") return value;
  if (value instanceof RegoNumber) return value.value;
  if (value instanceof RegoSet) return value.values().map(toJson);
  if (value instanceof RegoObject) {
    return Object.fromEntries(value.entries().map(([key, inner]) => [String(toJson(key)), toJson(inner)]));
  }
  return isArray(value) ? value.map(toJson) : value;
}

/** Sets are lists in JSON, in an order of their own. */
function sorted(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return value.map(sorted).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}
