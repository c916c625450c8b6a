import { expect, test } from "bun:test";
import { namesAddress } from "../../../../src/telemetry/admin/host-header.ts";

test.each([
  "127.0.0.1",
  "127.0.0.1:9464",
  "10.1.2.3:80",
  "[::1]",
  "[::1]:9464",
  "[fd00::1]:1",
  "localhost",
  "LOCALHOST:80",
])("%s names an address", (host) => expect(namesAddress(host)).toBe(true));

test.each([
  "",
  "evil.example",
  "evil.example:9464",
  "127.0.0.1.evil.example",
  "localhost.evil.example",
  "127.0.0.1:9464:1",
  "127.0.0.1:",
  "::1",
  "[evil]:80",
  "[127.0.0.1]",
  "127.0.0.1 evil",
  "0x7f000001",
  "2130706433",
])("%p names none", (host) => expect(namesAddress(host)).toBe(false));
