/** The Homebrew formula, made from archives that stand for the real ones. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { archiveName } from "../../packaging/build/archive.ts";
import { FORMULA_TARGETS, writeFormula } from "../../packaging/build/homebrew-formula.ts";
import { TARGETS } from "../../packaging/build/target.ts";
import { runTool, skippedWithout } from "./installed-tool.ts";

describe("the Homebrew formula", () => {
  const dir = mkdtempSync(join(tmpdir(), "sentinel-formula-"));
  let formula = "";

  beforeAll(async () => {
    for (const target of TARGETS)
      await Bun.write(join(dir, archiveName(target)), `archive of ${target.name}`);
    formula = await writeFormula(dir);
    await Bun.write(join(dir, "sentinel-wasm-agent.rb"), formula);
  });

  afterAll(() => rmSync(dir, { recursive: true }));

  test("names, for each system Homebrew runs on, the archive of that system with its sum", () => {
    const sources = [...formula.matchAll(/on_(macos|linux) do|on_(arm|intel) do|url "(.+)"|sha256 "(.+)"/g)];
    let system = "";
    let cpu = "";
    const found = new Map<string, string[]>();
    for (const [, os, machine, url, sum] of sources) {
      if (os !== undefined) system = os === "macos" ? "darwin" : "linux";
      if (machine !== undefined) cpu = machine === "arm" ? "arm64" : "x64";
      const fact = url ?? sum;
      const name = `${system}-${cpu}`;
      if (fact !== undefined) found.set(name, [...(found.get(name) ?? []), fact]);
    }
    const sumOf = (name: string) => new Bun.CryptoHasher("sha256").update(`archive of ${name}`).digest("hex");
    const base = `https://github.com/zentinelproxy/sentinel-wasm-agent/releases/download/v${manifest.version}`;
    expect(Object.fromEntries(found)).toEqual(
      Object.fromEntries(
        FORMULA_TARGETS.map((name) => [
          name,
          [`${base}/sentinel-wasm-agent-${manifest.version}-${name}.tar.gz`, sumOf(name)],
        ]),
      ),
    );
  });

  test("installs only what the archives hold", () => {
    const installed = [...formula.matchAll(/\.install "([^"]+)"/g)].map((match) => match[1]);
    expect(installed).toEqual([
      "sentinel-wasm-agent",
      "sentinel-wasm-agent.1",
      "completions/sentinel-wasm-agent.bash",
      "completions/_sentinel-wasm-agent",
      "completions/sentinel-wasm-agent.fish",
    ]);
  });

  test("has no place left to fill", () => {
    expect(formula).not.toMatch(/@[A-Z_]+@/);
  });

  test.skipIf(Bun.which("ruby") === null)(`is Ruby${skippedWithout("ruby")}`, () => {
    expect(runTool("ruby", "-wc", join(dir, "sentinel-wasm-agent.rb"))).toEqual({
      exitCode: 0,
      output: "Syntax OK\n",
    });
  });

  test.skipIf(Bun.which("ruby") === null)(`does what Homebrew asks of it${skippedWithout("ruby")}`, () => {
    // Only as much of Homebrew as it takes to run the class body and `install`.
    const homebrew = `
      $installed = []
      class Place
        def initialize(name) = @name = name
        def install(file) = $installed << [@name, file]
        def /(path) = "#{@name}/#{path}"
        def to_s = @name
      end
      module OS; def self.mac? = true; end
      module Hardware; module CPU; def self.intel? = true; end; end
      class Formula
        class << self
          attr_reader :facts
          %i[desc homepage version license].each { |fact| define_method(fact) { |value = nil| (@facts ||= {})[fact] = value } }
          def on_macos = yield
          alias on_linux on_macos
          alias on_arm on_macos
          alias on_intel on_macos
          def url(_) = nil
          def sha256(sum) = sum.match?(/\\A\\h{64}\\z/) || raise(sum)
          def service = nil
          def test = nil
        end
        %i[bin man1 bash_completion zsh_completion fish_completion etc var].each { |name| define_method(name) { Place.new(name.to_s) } }
        def system(*words) = $installed << ["system", words.join(" ")]
      end
      load ARGV.fetch(0)
      formula = SentinelWasmAgent.new
      formula.install
      raise "caveats" unless formula.caveats.include?("etc/sentinel/policy.wasm")
      puts SentinelWasmAgent.facts.keys.join(" "), $installed.map(&:first).join(" ")
    `;
    expect(runTool("ruby", "-W0", "-e", homebrew, join(dir, "sentinel-wasm-agent.rb"))).toEqual({
      exitCode: 0,
      output:
        "desc homepage version license\nsystem bin man1 bash_completion zsh_completion fish_completion\n",
    });
  });
});
