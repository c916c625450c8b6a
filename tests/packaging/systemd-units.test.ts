/** The systemd units, as systemd's own tools judge them. How they behave is in debian-life.test.ts. */

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { runTool, skippedWithout } from "./installed-tool.ts";

const UNITS = join(import.meta.dir, "../../packaging/systemd");
const SERVICE = join(UNITS, "sentinel-wasm-agent.service");
const analyze = "systemd-analyze";

describe.skipIf(Bun.which(analyze) === null)(`the units${skippedWithout(analyze)}`, () => {
  test("leave the service exposed to little", () => {
    const { output } = runTool(analyze, "security", "--offline=true", "--no-pager", SERVICE);
    const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(output)?.[1]);
    expect(exposure).toBeGreaterThan(0);
    expect(exposure).toBeLessThan(1);
  });

  test("hold nothing that systemd does not understand", () => {
    const sockets = ["", "-admin", "-metrics"].map((part) =>
      join(UNITS, `sentinel-wasm-agent${part}.socket`),
    );
    const { output } = runTool(analyze, "verify", "--man=no", SERVICE, ...sockets);
    // The program itself is not installed where the package is built.
    const complaints = output
      .split("\n")
      .filter((line) => line !== "" && !line.includes("is not executable"));
    expect(complaints).toEqual([]);
  });
});

test("the units, the settings and the formula speak of the same paths", async () => {
  const read = (path: string) => Bun.file(join(UNITS, "..", path)).text();
  const socket = await read("systemd/sentinel-wasm-agent.socket");
  const service = await read("systemd/sentinel-wasm-agent.service");
  const settings = await read("etc/wasm-agent.env");
  const path = /^ListenStream=(.+)$/m.exec(socket)?.[1];
  expect(path).toBe("/run/sentinel/wasm-agent.sock");
  expect(service).toContain(`Environment=AGENT_SOCKET=${path}\n`);
  // Where the agent's own commands look for it.
  expect(await read("systemd/sentinel-wasm-agent-admin.socket")).toContain(`ListenStream=${path}.admin\n`);
  expect(service).toContain("EnvironmentFile=-/etc/sentinel/wasm-agent.env\n");
  expect(settings).toContain("\nWASM_MODULE=/etc/sentinel/policy.wasm\n");
});
