/** Holds docs/authors.md against the program: its commands, its exports, its JSON. */

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Ajv2020 from "ajv/dist/2020.js";
import { OPTIONAL_FUNCTIONS, REQUIRED_FUNCTIONS } from "../../../src/abi/json/json-abi.ts";
import { decodeResult } from "../../../src/abi/json/result-decoder.ts";
import { SCHEMAS } from "../../../src/tools/schemas.ts";
import { TEMPLATE_NAMES, TEMPLATES } from "../../../src/tools/templates.ts";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { readArguments } from "../../../src/cli/read-arguments.ts";

const DOCS = join(import.meta.dir, "../../../docs");
const AUTHORS = readFileSync(join(DOCS, "authors.md"), "utf8");
const PROGRAM = "sentinel-wasm-agent ";

function blocks(language: string): string[] {
  return [...AUTHORS.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)]
    .filter(([, named]) => named === language)
    .flatMap(([, , text = ""]) => text.trimEnd().split("\n"));
}

/** Words of a command line, with quotes taken off; what a shell does after the command is cut. */
function words(line: string): string[] {
  const [command = ""] = line.split(/ [>;|]/);
  return [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain ?? "",
  );
}

describe("the chapter for authors", () => {
  const lines = blocks("sh").filter((line) => line.startsWith(PROGRAM));

  test("shows every command that is for authors", () => {
    const shown = new Set(lines.map((line) => words(line)[1]));
    for (const name of ["new", "check", "call", "dev", "replay"]) expect(shown).toContain(name);
  });

  for (const line of lines) {
    test(`shows a command line that is understood: ${line}`, () => {
      const [, first = "", ...rest] = words(line);
      const isNamed = !first.startsWith("-");
      const description = COMMANDS[isNamed ? first : "serve"]?.description;
      expect(description).toBeDefined();
      const argv = isNamed ? rest : [first, ...rest];
      expect(() =>
        readArguments(argv, description?.options ?? [], description?.operands ?? []),
      ).not.toThrow();
    });
  }

  test("starts with what new prints for its template", () => {
    const build = /^## Build$.*?^```sh\n(.*?)\n```$/ms.exec(TEMPLATES["rust"]?.["README.md"] ?? "")?.[1];
    expect(build).toBeDefined();
    expect(AUTHORS).toContain(`cd my-policy && ${build}\n`);
  });

  test("has a row for every export of the contract, with its type", () => {
    for (const [name, type] of [...REQUIRED_FUNCTIONS, ...OPTIONAL_FUNCTIONS]) {
      expect(AUTHORS).toContain(`| \`${name}\` | \`${type}\` |`);
    }
  });

  test("has a row for every template, and names a file of it to change", () => {
    for (const name of TEMPLATE_NAMES) {
      const file = new RegExp(`^\\| \`${name}\` \\| \`([^\`]+)\` \\|`, "m").exec(AUTHORS)?.[1] ?? "";
      expect(Object.keys(TEMPLATES[name] ?? {})).toContain(file);
    }
  });

  const isEvent = new Ajv2020({ strict: false }).compile(SCHEMAS.event);
  for (const line of blocks("json event")) {
    test(`shows an event as the schema describes it: ${line.slice(0, 50)}`, () => {
      expect([isEvent(JSON.parse(line)), isEvent.errors]).toEqual([true, null]);
    });
  }

  const isResult = new Ajv2020({ strict: false }).compile(SCHEMAS.result);
  for (const line of blocks("json result")) {
    test(`shows a result that is taken: ${line.slice(0, 50)}`, () => {
      expect([isResult(JSON.parse(line)), isResult.errors]).toEqual([true, null]);
      expect(() => decodeResult(line, "request-headers")).not.toThrow();
    });
  }

  test("names only files that are there", () => {
    for (const [, target = ""] of AUTHORS.matchAll(/\]\(([^)#]+)\)/g)) {
      expect(() => readFileSync(join(DOCS, target))).not.toThrow();
    }
  });
});

describe("the list of error codes", () => {
  test("has every code of the author's commands", () => {
    const source = readFileSync(join(DOCS, "../src/event/input-error.ts"), "utf8");
    const codes = [...source.matchAll(/^ {2}\| "([a-z-]+)"/gm)].map(([, code = ""]) => code);
    const errors = readFileSync(join(DOCS, "errors.md"), "utf8");
    expect(codes.length).toBeGreaterThan(5);
    expect(codes.filter((code) => !errors.includes(`\`${code}\``))).toEqual([]);
  });
});
