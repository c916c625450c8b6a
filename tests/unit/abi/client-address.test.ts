import { expect, test } from "bun:test";
import { bareAddress } from "../../../src/abi/client-address.ts";

test.each([
  ["127.0.0.1:50412", "127.0.0.1"],
  ["127.0.0.1", "127.0.0.1"],
  ["[::1]:50412", "::1"],
  ["[2001:db8::1]", "2001:db8::1"],
  ["2001:db8::1", "2001:db8::1"],
  ["::ffff:127.0.0.1", "::ffff:127.0.0.1"],
  ["unknown", "unknown"],
  ["", ""],
  ["/run/client.sock", "/run/client.sock"],
  ["(unnamed):5", "(unnamed):5"],
])("%p is %p", (sent, bare) => {
  expect(bareAddress(sent)).toBe(bare);
});
