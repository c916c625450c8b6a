/** Modules put together byte by byte, for what the text compiler does not know or would refuse. */

type Bytes = readonly number[];

export const header: Bytes = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

export function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return [...bytes, rest];
}

export function name(text: string): number[] {
  const bytes = new TextEncoder().encode(text);
  return [...leb(bytes.length), ...bytes];
}

export function section(id: number, content: Bytes): number[] {
  return [id, ...leb(content.length), ...content];
}

/** A section that is a list of entries. */
export function list(id: number, ...entries: Bytes[]): number[] {
  return section(id, [...leb(entries.length), ...entries.flat()]);
}

export function custom(title: string, content: Bytes): number[] {
  return section(0, [...name(title), ...content]);
}

/** A function body without locals of its own; `end` is added. */
export function body(...code: number[]): number[] {
  const bytes = [0x00, ...code, 0x0b];
  return [...leb(bytes.length), ...bytes];
}

export function moduleOf(...sections: Bytes[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array([...header, ...sections.flat()]);
}

export const i32 = 0x7f;
export const i64 = 0x7e;

export function functionType(parameters: Bytes, results: Bytes): number[] {
  return [0x60, ...leb(parameters.length), ...parameters, ...leb(results.length), ...results];
}

/** Exports a function under a name. */
export function exported(title: string, index: number): number[] {
  return [...name(title), 0x00, ...leb(index)];
}
