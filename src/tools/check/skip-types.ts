/**
 * Steps over types in a module that the engine has accepted: whether they make sense has been checked already.
 * https://webassembly.github.io/spec/core/binary/types.html
 */

import type { ByteReader } from "../../wasm/binary/byte-reader.ts";
import { emptyBlockType, typeCode } from "../../wasm/binary/opcode.ts";

export function skipValueType(reader: ByteReader): void {
  const code = reader.u8();
  if (code === typeCode.ref || code === typeCode.refNull) skipHeapType(reader);
}

/** A number or a byte for an abstract type, which reads as a negative number. */
export function skipHeapType(reader: ByteReader): void {
  reader.s33();
}

export function skipBlockType(reader: ByteReader): void {
  const code = reader.u8();
  if (code === emptyBlockType) return;
  if (code === typeCode.ref || code === typeCode.refNull) skipHeapType(reader);
  else {
    reader.at--;
    reader.s33();
  }
}
