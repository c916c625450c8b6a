import { expect, test } from "bun:test";
import { encodeRedirectTarget } from "../../../src/protocol/redirect-target.ts";

test.each([
  ["/login", "/login"],
  ["https://a.test/x?y=1#z", "https://a.test/x?y=1#z"],
  ["/already%20escaped", "/already%20escaped"],
  ["/two words", "/two%20words"],
  ["/zoë/☃/😀", "/zo%C3%AB/%E2%98%83/%F0%9F%98%80"],
  ["/tab\there", "/tab%09here"],
  ["/line\r\nSet-Cookie: a=1", "/line%0D%0ASet-Cookie:%20a=1"],
  ["/\u007f", "/%7F"],
  ["", ""],
])("%p goes out as %p", (target, expected) => {
  expect(encodeRedirectTarget(target)).toBe(expected);
});

test("half a surrogate pair becomes the replacement character", () => {
  expect(encodeRedirectTarget("/\ud800x")).toBe("/%EF%BF%BDx");
});
