/**
 * Types of a module's exports, which JavaScript does not tell: read from the binary's type, import, function and export
 * sections (https://webassembly.github.io/spec/core/binary/modules.html). Whether the rest is valid is left to the
 * compiler; a binary that cannot even be walked is an error here.
 */

import { ModuleError } from "./module-error.ts";

/** A signature reads like `(i32, i32) -> i64`; no results read `()`. */
export type ExportType =
  | { readonly kind: "function"; readonly signature: string }
  | { readonly kind: "memory" | "table" | "global" | "tag" };

const HEADER_BYTES = 8;
const Section = { type: 1, import: 2, function: 3, export: 7 } as const;
const TypeForm = { func: 0x60, struct: 0x5f, array: 0x5e, sub: 0x50, subFinal: 0x4f, rec: 0x4e } as const;
const NULLABLE_REF = 0x63;
const REF = 0x64;
const EXTERNAL_KINDS = ["function", "table", "memory", "global", "tag"] as const;
const VALUE_TYPES: ReadonlyMap<number, string> = new Map([
  [0x7f, "i32"],
  [0x7e, "i64"],
  [0x7d, "f32"],
  [0x7c, "f64"],
  [0x7b, "v128"],
  [0x70, "funcref"],
  [0x6f, "externref"],
]);

/** @throws ModuleError `module-invalid` when the sections cannot be walked. */
export function readExportTypes(bytes: Uint8Array): ReadonlyMap<string, ExportType> {
  return new ExportTypeReader(bytes).read();
}

class ExportTypeReader {
  readonly #bytes: Uint8Array;
  #at = HEADER_BYTES;
  /** By type index; undefined for types that are no functions. */
  readonly #signatures: (string | undefined)[] = [];
  /** By function index: imported ones first. */
  readonly #functionTypes: number[] = [];
  readonly #exports = new Map<string, ExportType>();

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(): ReadonlyMap<string, ExportType> {
    while (this.#at < this.#bytes.length) {
      const id = this.#byte();
      const size = this.#u32();
      const end = this.#at + size;
      if (end > this.#bytes.length) throw this.#broken("a section reaches past the end of the file");
      if (id === Section.type) this.#readTypes();
      else if (id === Section.import) this.#readImports();
      else if (id === Section.function) this.#readFunctions();
      else if (id === Section.export) this.#readExports();
      this.#at = end;
    }
    return this.#exports;
  }

  #readTypes(): void {
    for (let count = this.#u32(); count > 0; count--) {
      if (this.#peek() === TypeForm.rec) {
        this.#at++;
        for (let members = this.#u32(); members > 0; members--) this.#readType();
      } else {
        this.#readType();
      }
    }
  }

  #readType(): void {
    let form = this.#byte();
    if (form === TypeForm.sub || form === TypeForm.subFinal) {
      for (let supers = this.#u32(); supers > 0; supers--) this.#u32();
      form = this.#byte();
    }
    this.#signatures.push(form === TypeForm.func ? this.#readSignature() : this.#skipComposite(form));
  }

  #readSignature(): string {
    const parameters = this.#readValueTypes();
    const results = this.#readValueTypes();
    return `(${parameters.join(", ")}) -> ${results.length === 1 ? results[0] : `(${results.join(", ")})`}`;
  }

  #skipComposite(form: number): undefined {
    if (form !== TypeForm.struct && form !== TypeForm.array) {
      throw this.#broken(`0x${form.toString(16)} is no form of a type`);
    }
    for (let fields = form === TypeForm.struct ? this.#u32() : 1; fields > 0; fields--) {
      this.#readValueType();
      this.#byte();
    }
  }

  #readValueTypes(): string[] {
    const types: string[] = [];
    for (let count = this.#u32(); count > 0; count--) types.push(this.#readValueType());
    return types;
  }

  #readValueType(): string {
    const code = this.#byte();
    if (code === REF || code === NULLABLE_REF) {
      this.#skipSigned();
      return "ref";
    }
    return VALUE_TYPES.get(code) ?? `type 0x${code.toString(16)}`;
  }

  #readImports(): void {
    for (let count = this.#u32(); count > 0; count--) {
      this.#skipName();
      this.#skipName();
      this.#readImportType();
    }
  }

  #readImportType(): void {
    switch (EXTERNAL_KINDS[this.#byte()]) {
      case "function":
        this.#functionTypes.push(this.#u32());
        return;
      case "table":
        this.#readValueType();
        this.#skipLimits();
        return;
      case "memory":
        this.#skipLimits();
        return;
      case "global":
        this.#readValueType();
        this.#byte();
        return;
      case "tag":
        this.#byte();
        this.#u32();
        return;
      default:
        throw this.#broken("an import has a kind that does not exist");
    }
  }

  #readFunctions(): void {
    for (let count = this.#u32(); count > 0; count--) this.#functionTypes.push(this.#u32());
  }

  #readExports(): void {
    for (let count = this.#u32(); count > 0; count--) {
      const name = this.#name();
      const kind = EXTERNAL_KINDS[this.#byte()];
      const index = this.#u32();
      if (kind === undefined) throw this.#broken("an export has a kind that does not exist");
      this.#exports.set(name, kind === "function" ? { kind, signature: this.#signatureOf(index) } : { kind });
    }
  }

  #signatureOf(functionIndex: number): string {
    return this.#signatures[this.#functionTypes[functionIndex] ?? -1] ?? "a function of unknown type";
  }

  #skipLimits(): void {
    const flags = this.#byte();
    this.#u32();
    if ((flags & 1) !== 0) this.#u32();
  }

  #skipName(): void {
    const length = this.#u32();
    this.#at += length;
  }

  #name(): string {
    const length = this.#u32();
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw this.#broken("a name reaches past the end of the file");
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + start, length).toString("utf8");
  }

  #peek(): number {
    return this.#bytes[this.#at] ?? -1;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw this.#broken("the file ends too early");
    return byte;
  }

  #u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw this.#broken("a number has more than five bytes");
  }

  #skipSigned(): void {
    while (this.#byte() >= 0x80);
  }

  #broken(reason: string): ModuleError {
    return new ModuleError("module-invalid", `the module is damaged near byte ${this.#at}: ${reason}`);
  }
}
