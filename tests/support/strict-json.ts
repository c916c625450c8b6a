/**
 * JSON as the proxies' decoder reads it, which is stricter than `JSON.parse`: a repeated key is an error, `1.0` is no
 * integer, half a surrogate pair is no character, and nesting ends at 127 levels. Numbers keep their spelling.
 */

export class JsonNumber {
  readonly literal: string;

  constructor(literal: string) {
    this.literal = literal;
  }

  get isUnsignedInteger(): boolean {
    return /^\d+$/.test(this.literal);
  }
}

export type StrictJson = null | boolean | string | JsonNumber | readonly StrictJson[] | StrictObject;
export type StrictObject = ReadonlyMap<string, StrictJson>;

const MAX_DEPTH = 127;
const WORDS: ReadonlyMap<string, StrictJson> = new Map<string, StrictJson>([
  ["null", null],
  ["true", true],
  ["false", false],
]);

/** @throws Error saying where the text stops being acceptable. */
export function parseStrictJson(text: string): StrictJson {
  return new StrictParser(text).parse();
}

class StrictParser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): StrictJson {
    const value = this.#value();
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#error("text after the value");
    return value;
  }

  #value(): StrictJson {
    this.#skipSpace();
    const unit = this.#text[this.#at];
    if (unit === "{") return this.#nested(() => this.#object());
    if (unit === "[") return this.#nested(() => this.#array());
    if (unit === '"') return this.#string();
    const word = this.#match(/null|true|false/y);
    if (word !== null) return WORDS.get(word)!;
    const number = this.#match(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y);
    if (number === null) throw this.#error("no JSON value");
    if (!Number.isFinite(Number(number))) throw this.#error("a number out of range");
    return new JsonNumber(number);
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw this.#error("nesting too deep");
    this.#at++;
    const value = read();
    this.#depth--;
    return value;
  }

  #object(): StrictObject {
    const object = new Map<string, StrictJson>();
    if (this.#take("}")) return object;
    do {
      this.#skipSpace();
      const key = this.#string();
      if (object.has(key)) throw this.#error(`the key ${JSON.stringify(key)} a second time`);
      if (!this.#take(":")) throw this.#error("no colon after a key");
      object.set(key, this.#value());
    } while (this.#take(","));
    if (!this.#take("}")) throw this.#error("an object that does not end");
    return object;
  }

  #array(): StrictJson[] {
    const items: StrictJson[] = [];
    if (this.#take("]")) return items;
    do items.push(this.#value());
    while (this.#take(","));
    if (!this.#take("]")) throw this.#error("an array that does not end");
    return items;
  }

  #string(): string {
    if (this.#text[this.#at] !== '"') throw this.#error("no string");
    const end = this.#endOfString();
    let text: string;
    try {
      text = JSON.parse(this.#text.slice(this.#at, end)) as string;
    } catch {
      throw this.#error("a string with a wrong escape or a control character");
    }
    if (!text.isWellFormed()) throw this.#error("half a surrogate pair");
    this.#at = end;
    return text;
  }

  /** Behind the quote that closes the string at hand. Strings can be megabytes long, too much for a pattern. */
  #endOfString(): number {
    for (let at = this.#at + 1; ; ) {
      const quote = this.#text.indexOf('"', at);
      if (quote === -1) throw this.#error("a string that does not end");
      let backslashes = 0;
      while (this.#text[quote - 1 - backslashes] === "\\") backslashes++;
      if (backslashes % 2 === 0) return quote + 1;
      at = quote + 1;
    }
  }

  #take(unit: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== unit) return false;
    this.#at++;
    return true;
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) return null;
    this.#at += found.length;
    return found;
  }

  #skipSpace(): void {
    this.#match(/[ \t\r\n]*/y);
  }

  #error(what: string): Error {
    const near = JSON.stringify(this.#text.slice(Math.max(0, this.#at - 20), this.#at + 20));
    return new Error(`not acceptable JSON at unit ${this.#at}: ${what}, near ${near}`);
  }
}
