/**
 * The text by which values travel between a policy and its host: what `opa_value_dump` writes and `opa_value_parse`
 * reads. JSON, plus sets as `{1, 2}` and `set()`, and object keys of any type
 * (https://github.com/open-policy-agent/opa/blob/v1.22.3/wasm/src/json.c).
 */

import { RegoNumber } from "./rego-number.ts";
import { RegoObject, RegoSet, type RegoValue } from "./rego-value.ts";

/** Why a text was not read. */
export class RegoTextError {
  /** `limit`: well-formed as far as it was read, but too large. */
  readonly kind: "syntax" | "limit";
  readonly message: string;

  constructor(kind: "syntax" | "limit", message: string) {
    this.kind = kind;
    this.message = message;
  }
}

export interface RegoTextLimits {
  readonly maxDepth: number;
  readonly maxValues: number;
}

/** @throws RegoTextError */
export function parseRego(text: string, limits: RegoTextLimits): RegoValue {
  return new RegoReader(text, limits).read();
}

/** A policy writes numbers as its author did, also `.5`. */
const NUMBER = /-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d*)?/y;
/** Computing with more digits takes time that grows with their square. */
const MAX_NUMBER_UNITS = 4096;
const SPACE = /[ \t\r\n]*/y;

class RegoReader {
  readonly #text: string;
  readonly #limits: RegoTextLimits;
  #at = 0;
  #values = 0;

  constructor(text: string, limits: RegoTextLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  read(): RegoValue {
    const value = this.#value(0);
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#unexpected();
    return value;
  }

  #value(depth: number): RegoValue {
    if (depth > this.#limits.maxDepth) {
      throw new RegoTextError("limit", `a value is nested more than ${this.#limits.maxDepth} levels deep`);
    }
    if (++this.#values > this.#limits.maxValues) {
      throw new RegoTextError("limit", `a value holds more than ${this.#limits.maxValues} others`);
    }
    this.#skipSpace();
    switch (this.#text[this.#at]) {
      case '"':
        return this.#string();
      case "{":
        return this.#objectOrSet(depth);
      case "[":
        return this.#array(depth);
      case "n":
        return this.#word("null", null);
      case "t":
        return this.#word("true", true);
      case "f":
        return this.#word("false", false);
      case "s":
        return this.#word("set()", new RegoSet());
      default:
        return this.#number();
    }
  }

  #word(word: string, value: RegoValue): RegoValue {
    if (!this.#text.startsWith(word, this.#at)) throw this.#unexpected();
    this.#at += word.length;
    return value;
  }

  #number(): RegoNumber {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (match === null) throw this.#unexpected();
    if (match[0].length > MAX_NUMBER_UNITS) {
      throw new RegoTextError("limit", `a number has more than ${MAX_NUMBER_UNITS} characters`);
    }
    this.#at += match[0].length;
    return new RegoNumber(match[0].replace(/^(-?)\./, "$10."));
  }

  #string(): string {
    const start = this.#at;
    let end = this.#text.indexOf('"', start + 1);
    const backslash = this.#text.indexOf("\\", start + 1);
    if (end >= 0 && (backslash < 0 || backslash > end)) {
      this.#at = end + 1;
      return this.#text.slice(start + 1, end);
    }
    for (end = start + 1; this.#text[end] !== '"'; end += this.#text[end] === "\\" ? 2 : 1) {
      if (end >= this.#text.length) throw this.#unexpected();
    }
    this.#at = end + 1;
    try {
      return JSON.parse(this.#text.slice(start, end + 1)) as string;
    } catch {
      this.#at = start;
      throw this.#unexpected();
    }
  }

  #array(depth: number): RegoValue {
    const items: RegoValue[] = [];
    this.#at++;
    if (this.#takes("]")) return items;
    do items.push(this.#value(depth + 1));
    while (this.#takes(","));
    this.#expect("]");
    return items;
  }

  #objectOrSet(depth: number): RegoValue {
    this.#at++;
    if (this.#takes("}")) return new RegoObject();
    const first = this.#value(depth + 1);
    return this.#takes(":") ? this.#object(first, depth) : this.#set(first, depth);
  }

  #object(firstKey: RegoValue, depth: number): RegoObject {
    const entries: [RegoValue, RegoValue][] = [[firstKey, this.#value(depth + 1)]];
    while (this.#takes(",")) {
      const key = this.#value(depth + 1);
      this.#expect(":");
      entries.push([key, this.#value(depth + 1)]);
    }
    this.#expect("}");
    return new RegoObject(entries);
  }

  #set(first: RegoValue, depth: number): RegoSet {
    const items = [first];
    while (this.#takes(",")) items.push(this.#value(depth + 1));
    this.#expect("}");
    return new RegoSet(items);
  }

  #takes(character: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #expect(character: string): void {
    if (!this.#takes(character)) throw this.#unexpected();
  }

  #skipSpace(): void {
    const unit = this.#text.charCodeAt(this.#at);
    if (unit > 0x20) return;
    SPACE.lastIndex = this.#at;
    SPACE.exec(this.#text);
    this.#at = SPACE.lastIndex;
  }

  #unexpected(): RegoTextError {
    return new RegoTextError("syntax", `unexpected text at ${this.#at} of ${this.#text.length} characters`);
  }
}

/** What `opa_value_parse` reads. Bytes that are not UTF-8 become U+FFFD. */
export function writeRego(value: RegoValue): string {
  if (typeof value === "string") return JSON.stringify(value.toWellFormed());
  if (value === null || typeof value === "boolean") return String(value);
  if (value instanceof RegoNumber) return value.text;
  if (value instanceof RegoSet) {
    return value.size === 0 ? "set()" : `{${value.values().map(writeRego).join(",")}}`;
  }
  if (value instanceof RegoObject) {
    return `{${value
      .entries()
      .map(([key, inner]) => `${writeRego(key)}:${writeRego(inner)}`)
      .join(",")}}`;
  }
  return `[${value.map(writeRego).join(",")}]`;
}

/** A parsed JSON value, with numbers as doubles. */
export function fromJson(value: unknown): RegoValue {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") return RegoNumber.of(value);
  if (Array.isArray(value)) return value.map(fromJson);
  return new RegoObject(Object.entries(value as object).map(([key, inner]) => [key, fromJson(inner)]));
}
