/**
 * Header maps as bytes (docs/proxy-wasm.md 5): the number of pairs; for each, the lengths of name and value; for each,
 * name and value, both followed by a zero byte. Integers have 32 bits, little-endian.
 */

/** Names and values side by side, in order; a repeated name is a pair of its own. */
export interface HeaderPairs {
  readonly names: readonly string[];
  readonly values: readonly string[];
}

export const MAX_MAP_BYTES = 1024 * 1024;
export const MAX_MAP_PAIRS = 1024;

const COUNT_BYTES = 4;
const LENGTHS_BYTES = 8;
/** UTF-8 has at most three bytes for a unit of UTF-16. */
const MAX_BYTES_PER_UNIT = 3;
/** What is kept for the next map; larger ones get memory of their own. */
const SCRATCH_BYTES = 64 * 1024;

/** Writes maps into a buffer of its own, which is used again for the next one. */
export class MapWriter {
  readonly #scratch = Buffer.alloc(SCRATCH_BYTES);

  /** The bytes are borrowed until the next call. None for a map without pairs. */
  write({ names, values }: HeaderPairs): Buffer {
    if (names.length === 0) return this.#scratch.subarray(0, 0);
    const capacity = capacityOf(names, values);
    const target = capacity <= SCRATCH_BYTES ? this.#scratch : Buffer.alloc(capacity);
    target.writeUInt32LE(names.length, 0);
    let lengths = COUNT_BYTES;
    let at = COUNT_BYTES + names.length * LENGTHS_BYTES;
    for (let i = 0; i < names.length; i++) {
      const nameBytes = target.write(names[i]!, at, "utf8");
      at += nameBytes;
      target[at++] = 0;
      const valueBytes = target.write(values[i]!, at, "utf8");
      at += valueBytes;
      target[at++] = 0;
      target.writeUInt32LE(nameBytes, lengths);
      target.writeUInt32LE(valueBytes, lengths + 4);
      lengths += LENGTHS_BYTES;
    }
    return target.subarray(0, at);
  }
}

/** Null for bytes that are no whole map, or larger than any map may be. */
export function readMap(bytes: Buffer): HeaderPairs | null {
  const names: string[] = [];
  const values: string[] = [];
  if (isEmptyMap(bytes)) return { names, values };
  if (bytes.length < COUNT_BYTES || bytes.length > MAX_MAP_BYTES) return null;
  const count = bytes.readUInt32LE(0);
  let at = COUNT_BYTES + count * LENGTHS_BYTES;
  if (count > MAX_MAP_PAIRS || at > bytes.length) return null;
  for (let i = 0; i < count; i++) {
    const lengths = COUNT_BYTES + i * LENGTHS_BYTES;
    const nameEnd = at + bytes.readUInt32LE(lengths);
    const valueEnd = nameEnd + 1 + bytes.readUInt32LE(lengths + 4);
    if (valueEnd >= bytes.length || bytes[nameEnd] !== 0 || bytes[valueEnd] !== 0) return null;
    names.push(bytes.toString("utf8", at, nameEnd));
    values.push(bytes.toString("utf8", nameEnd + 1, valueEnd));
    at = valueEnd + 1;
  }
  return at === bytes.length ? { names, values } : null;
}

/** No bytes, or one zero byte; a count of zero is read as any other count. */
function isEmptyMap(bytes: Buffer): boolean {
  return bytes.length === 0 || (bytes.length === 1 && bytes[0] === 0);
}

function capacityOf(names: readonly string[], values: readonly string[]): number {
  let units = 0;
  for (let i = 0; i < names.length; i++) units += names[i]!.length + values[i]!.length;
  return COUNT_BYTES + names.length * (LENGTHS_BYTES + 2) + units * MAX_BYTES_PER_UNIT;
}
