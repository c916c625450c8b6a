/**
 * A trap report names a function by its index in the rewritten module. The engine tells the index of an exported
 * function in both forms, so the suite's modules show that the same function keeps its name.
 */

import { expect, setDefaultTimeout, test } from "bun:test";
import { readArchive } from "./archive.ts";
import { buildPlain, limitedBuilder, startedInstance, wideCaps } from "./module-build.ts";
import { spectestImports } from "./spectest-imports.ts";

/** A test here runs many modules, on a machine that may be busy. */
setDefaultTimeout(120_000);

const files = await readArchive("spec-suite.tar.zst");
const buildLimited = limitedBuilder({ ...wideCaps, fuelPerSlice: 1000 }, () => 0);

test("functions keep their names, in the name section as in functionName", () => {
  const wrong: string[] = [];
  let named = 0;
  for (const [path, bytes] of files) {
    const functions = path.endsWith(".wasm") ? exportedFunctions(bytes) : null;
    for (const { exportNames, plainName, limitedName, reportedName } of functions ?? []) {
      const kept = limitedName === plainName;
      const reported =
        plainName === undefined ? exportNames.has(reportedName ?? "") : reportedName === plainName;
      named += plainName === undefined ? 0 : 1;
      if (!kept || !reported) {
        wrong.push(
          `${path}, ${[...exportNames]}: ${plainName} became ${limitedName}, reported as ${reportedName}`,
        );
      }
    }
  }
  expect(wrong).toEqual([]);
  expect(named).toBeGreaterThan(600);
});

interface NamedFunction {
  readonly exportNames: ReadonlySet<string>;
  readonly plainName: string | undefined;
  readonly limitedName: string | undefined;
  readonly reportedName: string | undefined;
}

/** Null for modules without names, and for those that cannot run by themselves. */
function exportedFunctions(bytes: Uint8Array<ArrayBuffer>): NamedFunction[] | null {
  if (!WebAssembly.validate(bytes)) {
    return null;
  }
  const plain = buildPlain(bytes);
  const plainNames = nameSection(plain.module);
  const imports = WebAssembly.Module.imports(plain.module);
  const exports = WebAssembly.Module.exports(plain.module).filter(({ kind }) => kind === "function");
  if (plainNames.size === 0 || exports.length === 0 || imports.some(({ module }) => module !== "spectest")) {
    return null;
  }
  const limited = buildLimited(bytes);
  const spectest = imports.length === 0 ? {} : { spectest: spectestImports() };
  try {
    const plainExports = startedInstance(plain, spectest).exports;
    const limitedExports = startedInstance(limited, spectest).exports;
    const limitedNames = nameSection(limited.module);
    return exports.map(({ name }) => {
      const plainIndex = indexOf(plainExports[name]);
      const limitedIndex = indexOf(limitedExports[name]);
      const aliases = exports.filter((one) => indexOf(plainExports[one.name]) === plainIndex);
      return {
        exportNames: new Set(aliases.map((one) => one.name)),
        plainName: plainNames.get(plainIndex),
        limitedName: limitedNames.get(limitedIndex),
        reportedName: limited.limited?.functionName(limitedIndex),
      };
    });
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError || error instanceof WebAssembly.LinkError) {
      return null;
    }
    throw error;
  }
}

/** The JavaScript function of an export is named by its index: JS API, "create a new Exported Function". */
function indexOf(exported: unknown): number {
  return Number((exported as { readonly name: string }).name);
}

/** Reads function names (subsection 1); the suite's name sections are well-formed. */
function nameSection(module: WebAssembly.Module): Map<number, string> {
  const names = new Map<number, string>();
  for (const content of WebAssembly.Module.customSections(module, "name")) {
    const bytes = new Uint8Array(content);
    let at = 0;
    const leb = (): number => {
      let value = 0;
      for (let shift = 0; ; shift += 7) {
        const byte = bytes[at++] ?? 0;
        value |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
          return value;
        }
      }
    };
    while (at < bytes.length) {
      const id = bytes[at++];
      const length = leb();
      const end = at + length;
      for (let left = id === 1 ? leb() : 0; left > 0; left -= 1) {
        const index = leb();
        const size = leb();
        names.set(index, new TextDecoder().decode(bytes.subarray(at, at + size)));
        at += size;
      }
      at = end;
    }
  }
  return names;
}
