/**
 * Every built-in function against OPA's own conformance cases: each is compiled by OPA, evaluated by this host, and its
 * result compared with the one that OPA's evaluator must give.
 */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { BUILTIN_NAMES } from "../../src/abi/opa/builtins/registry.ts";
import { ModuleError } from "../../src/wasm/module-error.ts";
import { type CompiledCase, compileCase, readCases } from "./conformance-cases.ts";
import { openPolicy } from "./open-policy.ts";
import { findOpa } from "./opa-tool.ts";

/** OPA is compiled from source the first time. */
setDefaultTimeout(900_000);

const FOLDERS = [
  "base64urlbuiltins",
  "cryptohmacequal",
  "cryptohmacmd5",
  "cryptohmacsha1",
  "cryptohmacsha256",
  "cryptohmacsha512",
  "cryptomd5",
  "cryptosha1",
  "cryptosha256",
  "globquotemeta",
  "globsmatch",
  "hexbuiltins",
  "jsonbuiltins",
  "jsonpatch",
  "jwtbuiltins",
  "jwtdecodeverify",
  "jwtverifyeddsa",
  "jwtverifyhs256",
  "jwtverifyhs384",
  "jwtverifyhs512",
  "jwtverifyrsa",
  "netcidrcontainsmatches",
  "netcidrexpand",
  "netcidrisvalid",
  "netcidrmerge",
  "rand",
  "regexfind",
  "regexmatchtemplate",
  "regexreplace",
  "regexsplit",
  "rendertemplate",
  "semvercompare",
  "semverisvalid",
  "sprintf",
  "strings",
  "subset",
  "time",
  "units",
  "uribuiltins",
  "urlbuiltins",
  "uuid",
] as const;

/** Cases of functions that OPA compiles into the policy, where its own code differs from its evaluator. */
const COMPILED_IN_BY_OPA: ReadonlySet<string> = new Set([
  "strings/format_int: bignum exact (>64-bit integer, all bases + negative)",
  "jsonbuiltins/unmarshal number beyond the supported exponent is undefined",
  "jsonbuiltins/unmarshal number with too big an exponent is undefined",
]);

/** Functions without a case of their own. They have tests in tests/unit/opa. */
const WITHOUT_CASES: ReadonlySet<string> = new Set(["trace", "print", "internal.print", "time.now_ns"]);

const opa = await findOpa();

describe.skipIf(typeof opa === "string")(
  typeof opa === "string" ? `OPA's conformance cases (${opa})` : "OPA's conformance cases",
  () => {
    const claimed = new Set<string>();

    test.each([...FOLDERS])("%s", async (folder) => {
      if (typeof opa === "string") return;
      const differing: string[] = [];
      let evaluated = 0;
      for (const given of readCases(opa, folder)) {
        const compiled = await compileCase(opa, given);
        if (compiled === null || COMPILED_IN_BY_OPA.has(given.note)) continue;
        const actual = await evaluate(compiled);
        if (actual === "not claimed") continue;
        evaluated++;
        if (!Bun.deepEquals(sorted(actual), sorted(compiled.expected))) {
          differing.push(`${given.note}: ${JSON.stringify(actual)} for ${JSON.stringify(compiled.expected)}`);
        }
      }
      expect(differing).toEqual([]);
      expect(evaluated).toBeGreaterThan(0);
    });

    test("every function that is claimed was called by one of them", () => {
      expect(BUILTIN_NAMES.filter((name) => !claimed.has(name) && !WITHOUT_CASES.has(name))).toEqual([]);
    });

    /** The values of the rule; a policy that needs functions which are not claimed is left out. */
    async function evaluate({
      bundle,
      entrypoint,
      input,
    }: CompiledCase): Promise<readonly unknown[] | "not claimed"> {
      try {
        const { instance, entrypoints, builtins } = await openPolicy(bundle);
        for (const name of builtins) claimed.add(name);
        const text = instance.evaluate(entrypoints.get(entrypoint)!, input, { timeoutMs: 5000 });
        return (JSON.parse(text) as readonly { result: unknown }[]).map(({ result }) => result);
      } catch (error) {
        if (error instanceof ModuleError && error.code === "module-missing-import") return "not claimed";
        throw error;
      }
    }
  },
);

/** Sets are lists in JSON, in an order of their own. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(sorted).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, sorted(inner)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
