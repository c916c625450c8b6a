/** What only a policy can show that OPA compiled: its memory, its aborts, its calls back into the host. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { EventFailure } from "../../src/event/failure.ts";
import { RecordedLog } from "../support/recorded-log.ts";
import { type OpenPolicyOptions, openPolicy } from "./open-policy.ts";
import { buildBundle, findOpa } from "./opa-tool.ts";

setDefaultTimeout(900_000);

const POLICY = `package real

now := [time.now_ns(), time.now_ns()]

signature := crypto.hmac.sha256("message", hex.decode("00ff80c3"))

binary := hex.encode(hex.decode("00ff80c328"))

lenient if not crypto.sha256(input.number)

spoken if {
	print("seen:", input.name, {1, 2}, input.missing)
	trace("traced")
}

conflict := 1 if input.a
conflict := 2 if input.b

endless := count([1 | some a in numbers.range(1, 3000); some b in numbers.range(1, 3000); a + b < 0])

hungry := count([concat("", [s, s]) | some i in numbers.range(1, 100000); s := sprintf("%d-%s", [i, input.text])])

many := count([h | some i in numbers.range(1, 300); h := crypto.sha256(sprintf("%d", [i]))])

echo := input

users := data.users
`;
const RULES = [
  "now",
  "signature",
  "binary",
  "lenient",
  "spoken",
  "conflict",
  "endless",
  "hungry",
  "many",
  "echo",
  "users",
];

const opa = await findOpa();

describe.skipIf(typeof opa === "string")(
  typeof opa === "string" ? `policies that OPA compiles (${opa})` : "policies that OPA compiles",
  () => {
    const open = async (options: OpenPolicyOptions = {}) => {
      if (typeof opa === "string") throw new Error(opa);
      const source = join(opa.scratch, "real.rego");
      const bundle = join(opa.scratch, "real.tar.gz");
      await Bun.write(source, POLICY);
      if (
        !(await buildBundle(
          opa,
          [source],
          RULES.map((rule) => `real/${rule}`),
          bundle,
        ))
      )
        throw new Error("not compiled");
      const { instance, entrypoints } = await openPolicy(await Bun.file(bundle).bytes(), options);
      const evaluate = (rule: string, input: unknown = {}, timeoutMs = 5000): unknown => {
        const text = instance.evaluate(entrypoints.get(`real/${rule}`)!, JSON.stringify(input), {
          timeoutMs,
        });
        return (JSON.parse(text) as readonly { result: unknown }[])[0]?.result;
      };
      const failureOf = (rule: string, input: unknown = {}, timeoutMs = 5000): string => {
        try {
          return `no failure but ${JSON.stringify(evaluate(rule, input, timeoutMs))}`;
        } catch (error) {
          if (error instanceof EventFailure) return `${error.code}: ${error.message}`;
          throw error;
        }
      };
      return { instance, evaluate, failureOf };
    };

    test("the time stands still within an evaluation, and goes on between two", async () => {
      const { evaluate } = await open();
      const [first, second] = evaluate("now") as [number, number];
      expect(second).toBe(first);
      await Bun.sleep(2);
      expect((evaluate("now") as [number])[0]).toBeGreaterThan(first);
    });

    test("strings that are no text survive the way to the host and back", async () => {
      const { evaluate } = await open();
      expect(evaluate("binary")).toBe("00ff80c328");
      const key = Buffer.from("00ff80c3", "hex");
      expect(evaluate("signature")).toBe(new Bun.CryptoHasher("sha256", key).update("message").digest("hex"));
    });

    test("a function that fails makes its expression undefined, and no failure", async () => {
      const { evaluate, instance } = await open();
      expect(evaluate("lenient", { number: 1 })).toBe(true);
      expect(evaluate("lenient", { number: "text" })).toBeUndefined();
      expect(instance.isBroken).toBe(false);
    });

    test("print and trace are lines of the log", async () => {
      const log = new RecordedLog();
      const { evaluate } = await open({ log });
      expect(evaluate("spoken", { name: "alice" })).toBe(true);
      const texts = log.lines.map(({ fields }) => fields["text"]);
      expect(texts).toContain("traced");
    });

    test("rules that contradict each other are an abort with OPA's words", async () => {
      const { evaluate, failureOf, instance } = await open();
      expect(evaluate("conflict", { a: true })).toBe(1);
      expect(failureOf("conflict", { a: true, b: true })).toMatch(
        /^guest-abort: the policy aborted: .*conflict/,
      );
      expect(instance.isBroken).toBe(true);
    });

    test("an endless rule is stopped", async () => {
      const { failureOf } = await open({ maxMemoryBytes: 1024 * 1024 * 1024 });
      expect(failureOf("endless", {}, 100)).toStartWith("guest-deadline");
    });

    test("a rule that wants more memory than there is aborts at the cap", async () => {
      const { failureOf, instance } = await open({ maxMemoryBytes: 4 * 1024 * 1024 });
      expect(failureOf("hungry", { text: "x".repeat(1000) })).toBe(
        "guest-abort: the policy aborted: opa_malloc: failed",
      );
      expect(instance.memoryBytes).toBeLessThanOrEqual(4 * 1024 * 1024);
    });

    test("evaluations leave the memory where it was, calls of the host included", async () => {
      const { evaluate, instance } = await open();
      evaluate("many");
      const before = instance.memoryBytes;
      for (let i = 0; i < 200; i++) expect(evaluate("many")).toBe(300);
      expect(instance.memoryBytes).toBe(before);
    });

    test("an input larger than the memory was arrives whole, and the data stays", async () => {
      const { evaluate, instance } = await open({ dataJson: '{"users":{"alice":[1,2]}}' });
      const input = { text: 'é"\\\u0001☃😀'.repeat(100_000), list: [1.5, null, true] };
      for (let i = 0; i < 5; i++) expect(evaluate("echo", input)).toEqual(input);
      expect(evaluate("users")).toEqual({ alice: [1, 2] });
      expect(instance.memoryBytes).toBeLessThan(16 * 1024 * 1024);
    });

    test("data is replaced as often as it changes, and takes no more memory for it", async () => {
      const { evaluate, instance } = await open({ dataJson: '{"users":{}}' });
      for (let i = 0; i < 200; i++) {
        const users = { [`user-${i}`]: "x".repeat(1000) };
        expect(instance.setData(JSON.stringify({ users }), 1000)).toBeNull();
        expect(evaluate("users")).toEqual(users);
      }
      expect(instance.memoryBytes).toBeLessThan(1024 * 1024);
    });
  },
);
