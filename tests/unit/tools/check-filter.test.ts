/** What `check` says about Proxy-Wasm modules. */

import { describe, expect, test } from "bun:test";
import { checkModule } from "../../../src/tools/check/check-module.ts";
import type { Finding } from "../../../src/tools/check/finding.ts";
import type { GuestSettings } from "../../../src/tools/guest-settings.ts";
import { assembleWat } from "../../guests/assemble-guest.ts";
import { DEFAULT_GUEST_SETTINGS } from "../../support/guest-settings.ts";
import { pluginPath } from "../../support/proxy-wasm-plugin.ts";

const SETTINGS: GuestSettings = { ...DEFAULT_GUEST_SETTINGS, maxMemoryBytes: null };

async function check(
  module: string | Uint8Array<ArrayBuffer>,
  config: unknown = null,
  changes: Partial<GuestSettings> = {},
) {
  const bytes = typeof module === "string" ? await Bun.file(pluginPath(module)).bytes() : module;
  return checkModule(bytes, { ...SETTINGS, ...changes }, config === null ? null : JSON.stringify(config));
}

const about = (findings: readonly Finding[], subject: string): Finding | undefined =>
  findings.find((finding) => finding.subject === subject);

function filter(body: string): Promise<Uint8Array<ArrayBuffer>> {
  return assembleWat(
    "filter",
    `(module (import "env" "proxy_replace_header_map_value" (func $set (param i32 i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 0) ":path/other")
      (func (export "proxy_abi_version_0_2_1"))
      (func (export "malloc") (param i32) (result i32) (i32.const 1024)) ${body})`,
  );
}

describe("a filter of the official SDK", () => {
  test("can be served: its version, callbacks, imports and every kind of event are tried", async () => {
    const { canBeServed, findings } = await check("add-header-rust");
    expect(canBeServed).toBe(true);
    expect(about(findings, "version")?.message).toBe("Proxy-Wasm 0.2.1");
    expect(about(findings, "initial size")?.message).toContain("256 MiB");
    expect(about(findings, "proxy_http_call")).toMatchObject({ level: "note" });
    for (const subject of [
      "sample request",
      "sample request body",
      "sample response",
      "sample response body",
    ]) {
      expect(about(findings, subject)?.level).toBe("ok");
    }
  });

  test("that needs a configuration is told so, and is tried with one", async () => {
    const without = await check("mask-body-rust");
    expect(without.canBeServed).toBe(true);
    expect(about(without.findings, "sample request")).toMatchObject({ level: "warning" });
    expect(about(without.findings, "sample request")?.advice).toContain("--config");
    const { findings } = await check("mask-body-rust", "secret");
    expect(about(findings, "configuration")?.level).toBe("ok");
    expect(about(findings, "sample request")?.level).toBe("ok");
  });
});

test("imports that nobody knows are named", async () => {
  const { findings } = await check("scripted-0.2.1");
  expect(about(findings, "unknown")).toMatchObject({ level: "warning", area: "imports" });
  expect(about(findings, "unknown")?.message).toContain("proxy_vendor_novelty");
  expect(about(findings, "dialect")?.message).toContain("proxy_redis_init");
});

test("what no proxy can carry shows when the filter is tried", async () => {
  const rewrites = await filter(
    `(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
      (drop (call $set (i32.const 0) (i32.const 0) (i32.const 5) (i32.const 5) (i32.const 6))) (i32.const 0))`,
  );
  const { canBeServed, findings } = await check(rewrites);
  expect(canBeServed).toBe(false);
  expect(about(findings, "sample request")?.message).toContain(":path");
  expect(about(findings, "sample request")?.advice).toContain("--on-unsupported warn");
  const lenient = await check(rewrites, null, { onUnsupported: "warn" });
  expect(lenient.canBeServed).toBe(true);
  expect(about(lenient.findings, "remark")?.message).toContain(":path");
});

test("a module with a root context alone is said to serve no HTTP", async () => {
  const rootOnly = await filter(
    '(func (export "proxy_on_context_create") (param i32 i32) (if (local.get 1) (then (unreachable))))',
  );
  const { canBeServed, findings } = await check(rootOnly);
  expect(canBeServed).toBe(true);
  expect(about(findings, "remark")?.message).toContain("serves no HTTP");
});

test("a callback of another type is a warning", async () => {
  const odd = await filter('(func (export "proxy_on_log"))');
  const { findings } = await check(odd);
  expect(about(findings, "proxy_on_log")).toMatchObject({ level: "warning" });
});

test("a module without an allocator cannot be served", async () => {
  const bytes = await assembleWat(
    "none",
    '(module (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1")))',
  );
  const { canBeServed, findings } = await check(bytes);
  expect(canBeServed).toBe(false);
  expect(about(findings, "Proxy-Wasm")?.message).toContain("malloc");
});
