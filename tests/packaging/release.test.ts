/** What is in dist/release after `bun run build --packages`. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { runTool, skippedWithout } from "./installed-tool.ts";
import { releaseFile, releaseFiles } from "./release-files.ts";

setDefaultTimeout(120_000);

const sumsPath = releaseFile(/^SHA256SUMS$/);
const archives = releaseFiles().filter((name) => name.endsWith(".tar.gz"));
const packages = releaseFiles().filter((name) => name.endsWith(".deb"));
const reason = packages.length > 0 ? null : "bun run build --packages has not been run";

function pathOf(name: string): string {
  return releaseFile(new RegExp(`^${RegExp.escape(name)}$`)) ?? name;
}

describe.skipIf(reason !== null)(`a release${reason === null ? "" : ` (skipped: ${reason})`}`, () => {
  test("lists the true sum of every file", () => {
    const sums = readFileSync(sumsPath ?? "", "utf8")
      .trimEnd()
      .split("\n");
    expect(sums.map((line) => line.split("  ")[1])).toEqual(
      releaseFiles().filter((name) => name !== "SHA256SUMS"),
    );
    const folder = (sumsPath ?? "").replace(/SHA256SUMS$/, "");
    expect(runTool("sh", "-c", `cd "${folder}" && sha256sum --check --quiet SHA256SUMS`)).toEqual({
      exitCode: 0,
      output: "",
    });
  });

  test.each(archives)("%s holds the executable and what belongs to it, owned by root", (name) => {
    const { output } = runTool(
      "tar",
      "--list",
      "--verbose",
      "--numeric-owner",
      "--gzip",
      "--file",
      pathOf(name),
    );
    const top = basename(name, ".tar.gz");
    const listed = output
      .trim()
      .split("\n")
      .map((line) => line.split(/\s+/));
    expect(listed.map(([mode, owner, , , , path]) => `${mode} ${owner} ${path}`)).toEqual([
      `drwxr-xr-x 0/0 ${top}/`,
      `-rw-r--r-- 0/0 ${top}/LICENSE`,
      `-rw-r--r-- 0/0 ${top}/README.md`,
      `drwxr-xr-x 0/0 ${top}/completions/`,
      `-rw-r--r-- 0/0 ${top}/completions/_sentinel-wasm-agent`,
      `-rw-r--r-- 0/0 ${top}/completions/sentinel-wasm-agent.bash`,
      `-rw-r--r-- 0/0 ${top}/completions/sentinel-wasm-agent.fish`,
      `-rwxr-xr-x 0/0 ${top}/sentinel-wasm-agent`,
      `-rw-r--r-- 0/0 ${top}/sentinel-wasm-agent.1`,
    ]);
  });

  test.each(packages)("%s says what it is", (name) => {
    const { output } = runTool(
      "dpkg-deb",
      "--field",
      pathOf(name),
      "Package",
      "Version",
      "Architecture",
      "Section",
    );
    const architecture = /_(\w+)\.deb$/.exec(name)?.[1];
    expect(output).toBe(
      `Package: sentinel-wasm-agent\nVersion: ${manifest.version}-1\nArchitecture: ${architecture}\nSection: net\n`,
    );
    const { output: contents } = runTool("dpkg-deb", "--contents", pathOf(name));
    for (const path of [
      "/usr/bin/sentinel-wasm-agent",
      "/etc/sentinel/wasm-agent.env",
      "/usr/lib/systemd/system/sentinel-wasm-agent.socket",
    ]) {
      expect(contents).toContain(` .${path}\n`);
    }
  });

  test.skipIf(Bun.which("lintian") === null).each(packages)(
    `%s pleases lintian${skippedWithout("lintian")}`,
    (name) => {
      // Overrides are explained where they are made: packaging/debian/lintian-overrides.
      expect(runTool("lintian", "--no-cfg", "--allow-root", "--pedantic", pathOf(name))).toEqual({
        exitCode: 0,
        output: "",
      });
    },
  );

  test("has a bill of materials with every package and the runtime", async () => {
    const bill = await Bun.file(pathOf(`sentinel-wasm-agent-${manifest.version}.cdx.json`)).json();
    expect(bill).toMatchObject({
      bomFormat: "CycloneDX",
      metadata: { component: { name: "sentinel-wasm-agent" } },
    });
    const components = (bill.components as { name: string; version: string }[]).map(
      ({ name, version }) => `${name} ${version}`,
    );
    const dependencies = Object.entries(manifest.dependencies).map(([name, version]) => `${name} ${version}`);
    expect(components.sort()).toEqual([...dependencies, `bun ${manifest.devDependencies.bun}`].sort());
  });
});
