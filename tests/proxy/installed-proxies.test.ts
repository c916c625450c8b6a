import { expect, test } from "bun:test";
import { findProxies } from "./installed-proxies.ts";

test("without any proxy, the search says where it looked", () => {
  expect(findProxies({ PATH: "/nowhere" })).toEqual({
    found: [],
    missing: [
      "no `zentinel` on the PATH, and ZENTINEL_BIN names none",
      "no `sentinel` on the PATH, and SENTINEL_BIN names none",
    ],
  });
});

test("a variable that names a missing program is an error, not a reason to skip", () => {
  expect(() => findProxies({ ZENTINEL_BIN: "/nowhere/zentinel" })).toThrow("/nowhere/zentinel cannot be run");
});

test("a variable that names another program is an error", () => {
  const other = process.execPath;
  expect(() => findProxies({ SENTINEL_BIN: other })).toThrow(
    `\`${other} --version\` does not answer as sentinel would`,
  );
});
