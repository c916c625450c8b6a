/** How `bun run build` ends, and what it leaves. */

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { hostTarget } from "../../packaging/build/target.ts";

setDefaultTimeout(60_000);

const ROOT = resolve(import.meta.dir, "../..");

describe("the build", () => {
  const project = mkdtempSync(join(tmpdir(), "sentinel-build-"));
  const output = join(project, "dist/sentinel-wasm-agent");

  afterAll(() => rmSync(project, { recursive: true }));

  /** The build on a project of one source file. */
  function build(source: string, words: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
    for (const path of ["build.ts", "packaging", "package.json", "bun.lock"]) {
      cpSync(join(ROOT, path), join(project, path), { recursive: true });
    }
    if (!existsSync(join(project, "node_modules")))
      symlinkSync(join(ROOT, "node_modules"), join(project, "node_modules"));
    mkdirSync(join(project, "src"), { recursive: true });
    writeFileSync(join(project, "src/main.ts"), source);
    const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, "build.ts", ...words], {
      cwd: project,
      env: { ...process.env, ...env },
      stdin: "ignore",
    });
    return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  }

  const good = 'import { name, version } from "../package.json";\nconsole.log(name, version);\n';

  test("ends with 0 and says size and time", () => {
    const { exitCode, stdout, stderr } = build(good);
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^sentinel-wasm-agent +\d+\.\d MB +\d+\.\d s\ndone in \d+\.\d s\n$/);
    expect(existsSync(output)).toBe(true);
  });

  test("ends with 1 for sources that cannot be bundled, and leaves no executable of an earlier build", () => {
    const { exitCode, stderr } = build('import { a } from "./missing.ts";\nconsole.log(a);\n');
    expect(exitCode).toBe(1);
    expect(stderr).toStartWith("The sources cannot be bundled:\n");
    expect(stderr).toContain("./missing.ts");
    expect(existsSync(output)).toBe(false);
  });

  test("ends with 1 when what was built does not answer as it should", () => {
    const { exitCode, stderr } = build('console.log("something else");\n');
    expect(exitCode).toBe(1);
    expect(stderr).toStartWith(
      'The executable answers --version with "something else" instead of "sentinel-wasm-agent ',
    );
    expect(existsSync(output)).toBe(false);
  });

  test("ends with 2 for what it does not know, and names what it does", () => {
    const { exitCode, stderr } = build(good, ["--target", "amiga"]);
    expect(exitCode).toBe(2);
    expect(stderr).toStartWith(
      "There is no target amiga\nusage: bun run build [--target all|host|linux-x64|",
    );
    expect(build(good, ["--taget", "all"]).exitCode).toBe(2);
  });

  test("goes on without a runtime that cannot be had, says so, and lists no sums of a release that is not whole", () => {
    // One runtime that was fetched before, an empty cache for the other, and a registry that answers nothing.
    const nowhere = {
      BUN_INSTALL_CACHE_DIR: join(project, "cache"),
      NPM_CONFIG_REGISTRY: "http://127.0.0.1:9/",
    };
    const host = hostTarget()?.name ?? "";
    const other = host === "darwin-x64" ? "darwin-arm64" : "darwin-x64";
    const { exitCode, stdout, stderr } = withoutModules(() =>
      build(good, ["--target", "host", "--target", other, "--out", "out"], nowhere),
    );
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(new RegExp(`^sentinel-wasm-agent-${host} +\\d+\\.\\d MB +\\d+\\.\\d s\\n$`));
    expect(stderr).toMatch(
      new RegExp(
        `^The runtime for ${other} \\(package @oven/bun-darwin-\\w+ ${Bun.version}\\) cannot be had from the package ` +
          "registry; build with a network once, or leave this target out\\. The installer said:\\n",
      ),
    );
    expect(stderr).toEndWith(
      `\nNot built: ${other}. Without it the release is not whole, so it has no SHA256SUMS.\n`,
    );
    expect(readdirSync(join(project, "out"))).toEqual([`sentinel-wasm-agent-${host}`]);
  });

  /** The project's packages are replaced by nothing but this machine's own runtime meanwhile. */
  function withoutModules<T>(work: () => T): T {
    const modules = join(project, "node_modules");
    rmSync(modules);
    const runtimes = join(modules, ".cache/bun-runtimes", Bun.version);
    mkdirSync(runtimes, { recursive: true });
    symlinkSync(process.execPath, join(runtimes, hostTarget()?.name ?? ""));
    try {
      return work();
    } finally {
      rmSync(modules, { recursive: true });
    }
  }
});
