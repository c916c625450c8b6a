/** What `check` says of policies of OPA. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { checkModule } from "../../../src/tools/check/check-module.ts";
import { DEFAULT_GUEST_SETTINGS } from "../../support/guest-settings.ts";

test("a bundle is checked by its entrypoints, data and built-in functions, not by the exports of JSON modules", async () => {
  const bytes = await Bun.file(join(import.meta.dir, "../../../examples/rego/policy.tar.gz")).bytes();
  const report = await checkModule(bytes, { ...DEFAULT_GUEST_SETTINGS, timeoutMs: 1000 }, null);
  expect(report.canBeServed).toBe(true);
  const messages = new Map(report.findings.map(({ subject, message }) => [subject, message]));
  expect(messages.get("entrypoints")).toBe("envoy/authz/allow, envoy/authz/response");
  expect(messages.get("data")).toEndWith("in the bundle");
  expect(messages.get("built-in functions")).toBe("io.jwt.decode_verify, sprintf");
  expect(messages.get("sample request")).toStartWith('answers block 401 "Sign in first"');
  expect(messages.has("alloc")).toBe(false);
});

test("a bundle without a policy in it cannot be served", async () => {
  const bytes = Bun.gzipSync(new Uint8Array(1024));
  const { canBeServed, findings } = await checkModule(bytes, DEFAULT_GUEST_SETTINGS, null);
  expect([canBeServed, findings.map(({ area, level }) => [area, level])]).toEqual([
    false,
    [["file", "error"]],
  ]);
});
