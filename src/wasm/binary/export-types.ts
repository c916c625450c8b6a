/** Types of a module's exports, which JavaScript does not tell. */

import { ByteReader } from "./byte-reader.ts";
import { externalKind, type ModuleOutline, readOutline } from "./module-outline.ts";
import { typeCode } from "./opcode.ts";
import { skipValueType } from "./type-section.ts";

/** A signature reads like `(i32, i32) -> i64`; no results read `()`. */
export type ExportType =
  | { readonly kind: "function"; readonly signature: string }
  | { readonly kind: "memory" | "table" | "global" | "tag" };

const OTHER_KINDS = {
  [externalKind.table]: "table",
  [externalKind.memory]: "memory",
  [externalKind.global]: "global",
  [externalKind.tag]: "tag",
} as const;

const VALUE_TYPES: ReadonlyMap<number, string> = new Map([
  [typeCode.i32, "i32"],
  [typeCode.i64, "i64"],
  [typeCode.f32, "f32"],
  [typeCode.f64, "f64"],
  [typeCode.v128, "v128"],
  [typeCode.funcref, "funcref"],
  [typeCode.externref, "externref"],
  [typeCode.ref, "ref"],
  [typeCode.refNull, "ref"],
]);

/** @throws ModuleError `module-not-wasm`, `module-invalid` when the sections cannot be read. */
export function readExportTypes(bytes: Uint8Array): ReadonlyMap<string, ExportType> {
  return exportTypesOf(readOutline(bytes));
}

export function exportTypesOf(outline: ModuleOutline): ReadonlyMap<string, ExportType> {
  return new Map(
    outline.exports.map(({ name, kind, index }) => [
      name,
      kind === externalKind.func
        ? { kind: "function", signature: signatureOf(outline, index) }
        : { kind: OTHER_KINDS[kind as keyof typeof OTHER_KINDS] },
    ]),
  );
}

function signatureOf({ bytes, types, functionTypes }: ModuleOutline, index: number): string {
  const start = types.signatureStarts[functionTypes[index] ?? -1] ?? 0;
  if (start === 0) return "a function of unknown type";
  const reader = new ByteReader(bytes, start, bytes.length);
  const parameters = readValueTypes(reader);
  const results = readValueTypes(reader);
  return `(${parameters.join(", ")}) -> ${results.length === 1 ? results[0] : `(${results.join(", ")})`}`;
}

function readValueTypes(reader: ByteReader): string[] {
  return Array.from({ length: reader.count() }, () => {
    const code = reader.bytes[reader.at]!;
    skipValueType(reader, Number.POSITIVE_INFINITY);
    return VALUE_TYPES.get(code) ?? `type 0x${code.toString(16)}`;
  });
}
