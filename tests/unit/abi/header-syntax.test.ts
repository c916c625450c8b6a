import { describe, expect, test } from "bun:test";
import { assertHeaderName, assertHeaderValue } from "../../../src/abi/header-syntax.ts";
import { EventFailure } from "../../../src/event/failure.ts";

describe("names", () => {
  test.each(["X-A", "x", "0", "!#$%&'*+-.^_`|~", "__proto__"])("%p is one", (name) => {
    expect(() => assertHeaderName(name, "add_request_headers")).not.toThrow();
  });

  test.each(["", " ", "X A", "X:A", "X-A\r\nX-B", "é", "X(A)", "\u0000", "X\tA"])("%p is none", (name) => {
    expect(() => assertHeaderName(name, "remove_request_headers")).toThrow(
      new EventFailure(
        "guest-header-name",
        `remove_request_headers holds the header name ${JSON.stringify(name)}, which HTTP cannot carry; use letters, digits and !#$%&'*+-.^_\`|~`,
      ),
    );
  });

  test("a long one is shown in part", () => {
    expect(() => assertHeaderName(" ".repeat(5000), "k")).toThrow(`"${" ".repeat(64)}..."`);
  });
});

describe("values", () => {
  test.each(["", "1", "tab\there", "é☃😀", " spaces "])("%p is one", (value) => {
    expect(() => assertHeaderValue("X-A", value, "add_request_headers")).not.toThrow();
  });

  test.each([
    ["1\r\nX-B: 2", "U+000D"],
    ["\n", "U+000A"],
    ["a\u0000", "U+0000"],
    ["\u001f", "U+001F"],
    ["\u007f", "U+007F"],
  ])("%p is none", (value, unit) => {
    expect(() => assertHeaderValue("X-A", value, "add_response_headers")).toThrow(
      new EventFailure(
        "guest-header-value",
        `add_response_headers gives the header "X-A" a value with the control character ${unit}, which HTTP cannot carry`,
      ),
    );
  });
});
