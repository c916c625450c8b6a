/**
 * What it costs to build limits into large modules, beside what the engine takes to compile them: an example's code,
 * repeated until the module has the wanted size. Both grow in step with it, or something is wrong.
 *
 *     bun tests/bench/limits-load.ts [--sizes 1,5,10,25,50] [--language go]
 */

import { parseArgs } from "node:util";
import { guestLimits } from "../../src/abi/guest-recipe.ts";
import { ByteReader } from "../../src/wasm/binary/byte-reader.ts";
import { ByteWriter } from "../../src/wasm/binary/byte-writer.ts";
import { limitModule } from "../../src/wasm/metering/limit-module.ts";
import { readOutline, sectionId } from "../../src/wasm/binary/module-outline.ts";
import { type ExampleLanguage, examplePolicy } from "../support/example-modules.ts";
import { textTable } from "./report/text-table.ts";

const MIB = 1024 * 1024;
const HEADER_BYTES = 8;
const MAX_MEMORY_BYTES = 64 * MIB;

const { values } = parseArgs({
  options: {
    sizes: { type: "string", default: "1,5,10,25,50" },
    language: { type: "string", default: "go" },
  },
});

const example = await Bun.file(examplePolicy(values.language as ExampleLanguage)).bytes();
const rows: string[][] = [];
for (const size of values.sizes.split(",").map(Number)) {
  const module = repeatedTo(example, size * MIB);
  const limitMs = await timed(() => limitModule(readOutline(module), guestLimits(MAX_MEMORY_BYTES)));
  const compileMs = await timed(() => WebAssembly.compile(module));
  rows.push([
    (module.length / MIB).toFixed(1),
    limitMs.toFixed(0),
    ((limitMs * MIB) / module.length).toFixed(1),
    compileMs.toFixed(0),
    (limitMs / compileMs).toFixed(2),
  ]);
}
const columns = ["MiB", "limits, ms", "a MiB", "compiling without, ms", "ratio"];
console.log(textTable({ title: `Code of the ${values.language} example, repeated`, columns, rows }));

/** The module with its functions' code several times over; only the first copies are ever called. */
function repeatedTo(source: Uint8Array, bytes: number): Uint8Array<ArrayBuffer> {
  const { sections } = readOutline(source);
  const code = sections.find(({ id }) => id === sectionId.code);
  if (code === undefined) throw new Error("the module has no code");
  const codeBytes = code.end - code.start;
  const copies = Math.max(1, Math.round((bytes - source.length) / codeBytes) + 1);
  const module = new ByteWriter(bytes + source.length);
  module.range(source, 0, HEADER_BYTES);
  for (const { id, start, end } of sections) {
    if (id === sectionId.custom) continue;
    const isRepeated = id === sectionId.code || id === sectionId.function;
    module.section(id, repeated(new ByteReader(source, start, end), isRepeated ? copies : 1));
  }
  return module.view.slice();
}

function repeated(section: ByteReader, copies: number): ByteWriter {
  const { bytes, at: start, end } = section;
  const content = new ByteWriter((end - start) * copies + 8);
  if (copies === 1) {
    content.range(bytes, start, end);
    return content;
  }
  content.u32(section.count() * copies);
  for (let copy = 0; copy < copies; copy++) content.range(bytes, section.at, end);
  return content;
}

async function timed(work: () => unknown): Promise<number> {
  const startedAtMs = performance.now();
  await work();
  return performance.now() - startedAtMs;
}
