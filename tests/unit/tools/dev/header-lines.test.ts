/** Headers with what a verdict makes of them, line by line. */

import { expect, test } from "bun:test";
import type { HeaderMap } from "../../../../src/event/event.ts";
import type { HeaderOp } from "../../../../src/event/header-ops.ts";
import { headerLines } from "../../../../src/tools/dev/header-lines.ts";

const MARKS = { same: " ", added: "+", removed: "-" };

function shown(headers: HeaderMap | null, ...ops: HeaderOp[]): string[] {
  return headerLines(headers, ops).map(({ mark, name, value }) => `${MARKS[mark]} ${name}: ${value}`);
}

test("what nobody touches stays in its place", () => {
  expect(shown({ host: ["a"], cookie: ["1", "2"] })).toEqual(["  host: a", "  cookie: 1", "  cookie: 2"]);
});

test("a set replaces every value, a new name comes last", () => {
  const ops: HeaderOp[] = [
    { op: "set", name: "Cookie", value: "3" },
    { op: "set", name: "X-New", value: "n" },
  ];
  expect(shown({ cookie: ["1", "2"], host: ["a"] }, ...ops)).toEqual([
    "- cookie: 1",
    "- cookie: 2",
    "+ Cookie: 3",
    "  host: a",
    "+ X-New: n",
  ]);
});

test("an added value leaves the others alone", () => {
  expect(shown({ vary: ["accept"] }, { op: "add", name: "vary", value: "origin" })).toEqual([
    "  vary: accept",
    "+ vary: origin",
  ]);
});

test("a removal strikes out what is there, and is silent about what is not", () => {
  const ops: HeaderOp[] = [
    { op: "remove", name: "Server" },
    { op: "remove", name: "x-absent" },
  ];
  expect(shown({ server: ["nginx"] }, ...ops)).toEqual(["- server: nginx"]);
});

test("for a response that has not come, the operations themselves are shown", () => {
  const ops: HeaderOp[] = [
    { op: "set", name: "x-a", value: "1" },
    { op: "remove", name: "server" },
  ];
  expect(shown(null, ...ops)).toEqual(["+ x-a: 1", "- server: null"]);
});

test("a header called __proto__ is a header", () => {
  const headers = JSON.parse('{"__proto__":["x"]}') as HeaderMap;
  expect(shown(headers)).toEqual(["  __proto__: x"]);
});
