/**
 * One policy, five languages: the modules beside the examples answer one table, verdict for verdict.
 *
 * `POLICY_FRESH_DIR` names a folder of fresh builds (`bun examples/build.ts --check`); those that are there are asked
 * the same.
 */

import { beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type OpenGuest, openGuest } from "../support/open-guest.ts";
import { POLICY_TABLE } from "./policy-table.ts";
import { RawGuest } from "./raw-guest.ts";
import { SPELLING_TABLE, UNREADABLE_TABLE } from "./unusual-json.ts";

const LANGUAGES = ["rust", "go", "c", "assemblyscript", "zig"] as const;
const EXAMPLES = join(import.meta.dir, "../../examples");
const freshDir = process.env["POLICY_FRESH_DIR"];

const modules = LANGUAGES.map((language) => ({
  name: `the ${language} example`,
  path: join(EXAMPLES, language, "policy.wasm"),
}));
if (freshDir !== undefined) {
  const fresh = LANGUAGES.map((language) => ({
    name: `the ${language} example, freshly built`,
    path: join(freshDir, language, "policy.wasm"),
  })).filter(({ path }) => existsSync(path));
  if (!existsSync(freshDir)) throw new Error(`POLICY_FRESH_DIR is no folder: ${freshDir}`);
  modules.push(...fresh);
}

describe.each(modules)("$name", ({ path }) => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = new WebAssembly.Module(await Bun.file(path).arrayBuffer());
  });

  describe("through the agent's own instance", () => {
    let guest: OpenGuest;
    beforeAll(async () => {
      guest = await openGuest(path);
    });

    test.each([...POLICY_TABLE])("decides on $name", ({ event, verdict }) => {
      expect(guest.call(event)).toEqual(verdict);
    });

    test("still decides alike after a thousand events", () => {
      for (let round = 0; round < 1000; round++) {
        const { event, verdict } = POLICY_TABLE[(round * 7) % POLICY_TABLE.length]!;
        expect(guest.call(event)).toEqual(verdict);
      }
    });
  });

  describe("asked with JSON in unusual spelling", () => {
    test.each([...SPELLING_TABLE])("understands $name", ({ handler, json, result }) => {
      const guest = RawGuest.open(module);
      expect(parseResult(guest.ask(handler, Buffer.from(json)))).toEqual(result);
    });
  });

  describe("asked with what is no event", () => {
    test.each([...UNREADABLE_TABLE])("ends at $name ($handler)", ({ handler, input }) => {
      const guest = RawGuest.open(module);
      const bytes = typeof input === "string" ? Buffer.from(input) : input;
      expect(() => guest.ask(handler, bytes)).toThrow(/unreachable|ended itself/i);
    });
  });
});

/** The result as an object, without the keys that say nothing. */
function parseResult(bytes: Uint8Array): Record<string, unknown> {
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  const result = JSON.parse(text) as Record<string, unknown>;
  return Object.fromEntries(Object.entries(result).filter(([, value]) => !isEmpty(value)));
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
