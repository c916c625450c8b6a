/** What a session works on, from the words of the command line. */

import { describe, expect, test } from "bun:test";
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findModule, openProject, ProjectError } from "../../../../src/tools/dev/dev-project.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const ROOT = join(import.meta.dir, "../../../..");
const NO_OPTIONS = { buildCommand: null, builtModule: null };

describe("a module", () => {
  test("is watched alone", () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file("a.wasm"), "");
    expect(openProject({ path: "a.wasm", ...NO_OPTIONS }, folder.path)).toEqual({
      folder: folder.path,
      name: "a.wasm",
      recipe: null,
      modulePath: folder.file("a.wasm"),
    });
  });

  test("may be a bundle of a policy, of any name", () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file("policy.tar.gz"), Bun.gzipSync(new Uint8Array(1024)));
    const project = openProject({ path: "policy.tar.gz", ...NO_OPTIONS }, folder.path);
    expect(findModule(project)).toBe(folder.file("policy.tar.gz"));
  });

  test("with a build is built where the command was started", () => {
    using folder = temporaryFolder();
    mkdirSync(folder.file("out"));
    writeFileSync(folder.file("out/a.wasm"), "");
    const project = openProject({ path: "out/a.wasm", buildCommand: "make", builtModule: null }, folder.path);
    expect(project).toMatchObject({ folder: folder.path, modulePath: folder.file("out/a.wasm") });
    expect(project.recipe?.command).toBe("make");
  });
});

describe("a folder", () => {
  test("that says how it is built need not hold a module yet", () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file("Makefile"), "");
    const project = openProject({ path: ".", ...NO_OPTIONS }, folder.path);
    expect(project.modulePath).toBe(folder.file("policy.wasm"));
    expect(findModule(project)).toBeNull();
  });

  test("with a policy in Rego is built by the command of its README", () => {
    const project = openProject({ path: "examples/rego", ...NO_OPTIONS }, ROOT);
    expect(project.recipe?.command).toStartWith("opa build -t wasm ");
    expect(findModule(project)).toBe(join(ROOT, "examples/rego/policy.tar.gz"));
  });

  test("can be told which file its build makes", () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file("Makefile"), "");
    const project = openProject({ path: ".", buildCommand: null, builtModule: "x/y.wasm" }, folder.path);
    expect(project.modulePath).toBe(folder.file("x/y.wasm"));
  });

  test("whose build puts the module elsewhere is served from there", () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file("Makefile"), "");
    mkdirSync(folder.file("build"));
    writeFileSync(folder.file("old.wasm"), "");
    utimesSync(folder.file("old.wasm"), 1, 1);
    writeFileSync(folder.file("build/new.wasm"), "");
    expect(findModule(openProject({ path: ".", ...NO_OPTIONS }, folder.path))).toBe(
      folder.file("build/new.wasm"),
    );
  });

  test("without a build is watched for its newest module", () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file("gate.wasm"), "");
    expect(openProject({ path: ".", ...NO_OPTIONS }, folder.path)).toMatchObject({
      recipe: null,
      modulePath: folder.file("gate.wasm"),
    });
  });
});

describe("what cannot be worked on is refused in one sentence", () => {
  test("a path that does not exist", () => {
    using folder = temporaryFolder();
    expect(() => openProject({ path: "nowhere", ...NO_OPTIONS }, folder.path)).toThrow(
      new ProjectError("there is no nowhere; give a module or a folder"),
    );
  });

  test("a folder with neither build nor module", () => {
    using folder = temporaryFolder();
    mkdirSync(folder.file("empty"));
    expect(() => openProject({ path: "empty", ...NO_OPTIONS }, folder.path)).toThrow(
      new ProjectError(
        "empty neither says how it is built nor holds a module; give --build <command>, or a .wasm file",
      ),
    );
  });
});
