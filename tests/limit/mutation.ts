/** Damages modules, always in the same way for the same seed: what a parser of hostile bytes has to survive. */

export class SeededNumbers {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e37_79b1) | 1;
  }

  /** An integer from 0 up to `limit` - 1. */
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  one<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

type Mutation = (bytes: Uint8Array, numbers: SeededNumbers) => Uint8Array;

/** Bytes with a meaning: ends of LEB128 numbers, the largest lengths, section ids, prefixes, block and branch opcodes. */
const telling = [
  0x00, 0x01, 0x7f, 0x80, 0xff, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x0b, 0x0c, 0x0d, 0x0e, 0x10, 0x12,
  0x1f, 0x3f, 0x40, 0x41, 0x60, 0x63, 0x64, 0x70, 0xfb, 0xfc, 0xfd, 0xfe,
];

const longNumbers = [
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0x7f],
  [0x80, 0x80, 0x80, 0x80, 0x00],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
];

const mutations: readonly Mutation[] = [
  function flipBit(bytes, numbers) {
    const at = numbers.below(bytes.length);
    return spliced(bytes, at, 1, [bytes[at]! ^ (1 << numbers.below(8))]);
  },
  function setByte(bytes, numbers) {
    return spliced(bytes, numbers.below(bytes.length), 1, [numbers.one(telling)]);
  },
  function insertByte(bytes, numbers) {
    return spliced(bytes, numbers.below(bytes.length), 0, [numbers.one(telling)]);
  },
  function removeBytes(bytes, numbers) {
    return spliced(bytes, numbers.below(bytes.length), 1 + numbers.below(4), []);
  },
  function truncate(bytes, numbers) {
    return bytes.slice(0, numbers.below(bytes.length));
  },
  function longNumber(bytes, numbers) {
    return spliced(bytes, numbers.below(bytes.length), 1, numbers.one(longNumbers));
  },
  function repeatPart(bytes, numbers) {
    const from = numbers.below(bytes.length);
    const part = bytes.slice(from, from + 1 + numbers.below(24));
    return spliced(bytes, numbers.below(bytes.length), 0, part);
  },
  function copySection(bytes, numbers) {
    const sections = sectionsOf(bytes);
    if (sections.length === 0) {
      return bytes;
    }
    const { start, end } = numbers.one(sections);
    return spliced(bytes, numbers.one(sections).start, 0, bytes.slice(start, end));
  },
  function dropSection(bytes, numbers) {
    const sections = sectionsOf(bytes);
    if (sections.length === 0) {
      return bytes;
    }
    const { start, end } = numbers.one(sections);
    return spliced(bytes, start, end - start, []);
  },
];

/** One to three mutations, one after the other. */
export function mutated(bytes: Uint8Array, seed: number): Uint8Array<ArrayBuffer> {
  const numbers = new SeededNumbers(seed);
  let current = bytes;
  for (let count = 1 + numbers.below(3); count > 0 && current.length > 0; count -= 1) {
    current = numbers.one(mutations)(current, numbers);
  }
  return new Uint8Array(current);
}

function spliced(bytes: Uint8Array, at: number, remove: number, insert: ArrayLike<number>): Uint8Array {
  const end = Math.min(bytes.length, at + remove);
  const result = new Uint8Array(at + insert.length + bytes.length - end);
  result.set(bytes.subarray(0, at));
  result.set(insert, at);
  result.set(bytes.subarray(end), at + insert.length);
  return result;
}

function sectionsOf(bytes: Uint8Array): { readonly start: number; readonly end: number }[] {
  const sections: { start: number; end: number }[] = [];
  let offset = 8;
  while (offset < bytes.length) {
    const start = offset++;
    let length = 0;
    for (let shift = 0; shift < 35 && offset < bytes.length; shift += 7) {
      const byte = bytes[offset++]!;
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        break;
      }
    }
    offset = Math.min(bytes.length, offset + length);
    sections.push({ start, end: offset });
  }
  return sections;
}
