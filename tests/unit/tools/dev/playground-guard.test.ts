/** Who may talk to the playground. */

import { describe, expect, test } from "bun:test";
import { PlaygroundGuard } from "../../../../src/tools/dev/playground-guard.ts";

const guard = new PlaygroundGuard(4610, "secret-token");
const HOST = { host: "127.0.0.1:4610" };
const TOKEN = { ...HOST, authorization: "Bearer secret-token" };

const stranger = (headers: Record<string, string>) =>
  guard.refuseForeign({ headers: new Headers(headers) })?.code ?? "passes";
const call = (headers: Record<string, string>) =>
  guard.refuseCall({ headers: new Headers(headers) })?.code ?? "passes";

describe("by name", () => {
  test.each([
    ["127.0.0.1:4610", "passes"],
    ["localhost:4610", "passes"],
    ["evil.example:4610", "host-refused"],
    ["127.0.0.1.evil.example:4610", "host-refused"],
    ["127.0.0.1", "host-refused"],
    ["127.0.0.1:4611", "host-refused"],
    ["", "host-refused"],
  ])("Host %p: %s", (host, expected) => {
    expect(stranger({ host })).toBe(expected);
  });
});

describe("by origin", () => {
  test.each([
    ["http://127.0.0.1:4610", "passes"],
    ["http://localhost:4610", "passes"],
    ["https://127.0.0.1:4610", "origin-refused"],
    ["http://127.0.0.1:4611", "origin-refused"],
    ["http://evil.example", "origin-refused"],
    ["null", "origin-refused"],
  ])("Origin %s: %s", (origin, expected) => {
    expect(stranger({ ...HOST, origin })).toBe(expected);
  });

  test.each([
    ["same-origin", "passes"],
    ["none", "passes"],
    ["cross-site", "origin-refused"],
    ["same-site", "origin-refused"],
  ])("Sec-Fetch-Site %s: %s", (site, expected) => {
    expect(call({ ...TOKEN, "sec-fetch-site": site })).toBe(expected);
  });
});

describe("by token", () => {
  test("the right one passes", () => expect(call(TOKEN)).toBe("passes"));

  test.each([
    "",
    "Bearer",
    "Bearer ",
    "Bearer secret-toke",
    "Bearer secret-tokem",
    "Basic secret-token",
    "secret-token",
  ])("%p does not", (authorization) => expect(call({ ...HOST, authorization })).toBe("token-refused"));
});
