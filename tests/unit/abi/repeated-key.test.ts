import { expect, test } from "bun:test";
import { findRepeatedKey } from "../../../src/abi/json/repeated-key.ts";

const KEYS: ReadonlySet<string> = new Set(["decision", "status"]);

test.each([
  ['{"decision":"allow"}', null],
  ['{"decision":"allow","decision":"block"}', "decision"],
  ['{"decision" : "allow", "status":1,\n"status"\t:2}', "status"],
  ['{"decision":"allow","deci\\u0073ion":"block"}', "decision"],
  ['{"decision":"status","status":1}', null],
  ['{"a":{"decision":1},"decision":"allow"}', null],
  ['{"a":[{"decision":1},{"decision":2}],"decision":"allow"}', null],
  ['{"a":"\\",\\"decision\\":1","decision":"allow"}', null],
  ['{"other":1,"other":2}', null],
  ["{}", null],
])("%s repeats %p", (text, expected) => {
  expect(findRepeatedKey(text, KEYS)).toBe(expected);
});
