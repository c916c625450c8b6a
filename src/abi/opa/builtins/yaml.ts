/**
 * YAML as OPA reads and writes it: go.yaml.in/yaml/v3 by way of JSON, so keys are strings, and nothing has a type that
 * JSON has not. The package reads the syntax; what a plain scalar means is decided here, since Go's rules are neither
 * those of YAML 1.1 nor those of 1.2.
 */

import { type Document, isAlias, isMap, isScalar, isSeq, parseAllDocuments, Scalar, stringify } from "yaml";
import { RegoNumber } from "../values/rego-number.ts";
import { compareRego } from "../values/rego-order.ts";
import { RegoObject, RegoSet, type RegoValue } from "../values/rego-value.ts";
import {
  assertWorkable,
  type BuiltinTable,
  type EvaluationContext,
  orUndefined,
  stringArgument,
  UndefinedResult,
  UNITS_PER_US,
} from "./builtin.ts";

const MAX_UNITS = 256 * 1024;
const UNITS_PER_CHARACTER = UNITS_PER_US / 4;
const MAX_DEPTH = 128;
/** Aliases included: a few lines can stand for billions of values. */
const MAX_VALUES = 65_536;

export const YAML: BuiltinTable = {
  "yaml.marshal": (args, context) => marshal(args[0] ?? null, context),
  "yaml.unmarshal": (args, context) => unmarshal(stringArgument(args, 0), context),
  "yaml.is_valid": (args, context) => {
    if (typeof args[0] !== "string") return false;
    try {
      unmarshal(args[0], context);
      return true;
    } catch (error) {
      if (error instanceof UndefinedResult) return false;
      throw error;
    }
  },
};

function unmarshal(text: string, context: EvaluationContext): RegoValue {
  assertWorkable(text.length, MAX_UNITS, "characters of YAML");
  context.charge(text.length * UNITS_PER_CHARACTER);
  const documents = orUndefined(() =>
    parseAllDocuments(text.toWellFormed(), { schema: "failsafe", uniqueKeys: false, logLevel: "silent" }),
  );
  if (!Array.isArray(documents)) return null;
  for (const { errors } of documents) {
    if (errors.length > 0) throw new UndefinedResult(errors[0]!.message);
  }
  const [first] = documents;
  return first === undefined ? null : new YamlReader(first as Document).read();
}

const INTEGER = /^[-+]?(?:0|[1-9][0-9]*)$/;
const PREFIXED = /^([-+]?)0([xXoObB]?)([0-9a-fA-F]+)$/;
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const BASES: ReadonlyMap<string, { base: number; digits: RegExp }> = new Map([
  ["x", { base: 16, digits: /^[0-9a-fA-F]+$/ }],
  ["o", { base: 8, digits: /^[0-7]+$/ }],
  ["", { base: 8, digits: /^[0-7]+$/ }],
  ["b", { base: 2, digits: /^[01]+$/ }],
]);
const WORDS: ReadonlyMap<string, RegoValue> = new Map<string, RegoValue>([
  ["", null],
  ["~", null],
  ["null", null],
  ["Null", null],
  ["NULL", null],
  ["true", true],
  ["True", true],
  ["TRUE", true],
  ["false", false],
  ["False", false],
  ["FALSE", false],
]);
const NO_NUMBER: ReadonlySet<string> = new Set([
  ".inf",
  ".Inf",
  ".INF",
  "+.inf",
  "+.Inf",
  "+.INF",
  "-.inf",
  "-.Inf",
  "-.INF",
  ".nan",
  ".NaN",
  ".NAN",
]);
const MAX_UINT64 = 2n ** 64n - 1n;
const MIN_INT64 = -(2n ** 63n);

/** What a scalar without quotes and tag means. */
function resolvePlain(text: string): RegoValue {
  const word = WORDS.get(text);
  if (word !== undefined) return word;
  if (NO_NUMBER.has(text)) throw new UndefinedResult("JSON has no such number");
  if (!/^[-+.0-9]/.test(text)) return text;
  const plain = text.replaceAll("_", "");
  const integer = INTEGER.test(plain) ? BigInt(plain.replace("+", "")) : prefixed(plain);
  if (integer !== null && integer >= MIN_INT64 && integer <= MAX_UINT64) return RegoNumber.of(integer);
  return FLOAT.test(plain) && Number.isFinite(Number(plain)) ? RegoNumber.of(Number(plain)) : text;
}

function prefixed(text: string): bigint | null {
  const match = PREFIXED.exec(text);
  if (match === null) return null;
  const { digits } = BASES.get(match[2]!.toLowerCase())!;
  if (!digits.test(match[3]!)) return null;
  const prefix = match[2] === "" ? "0o" : `0${match[2]!.toLowerCase()}`;
  const value = BigInt(prefix + match[3]!);
  return match[1] === "-" ? -value : value;
}

class YamlReader {
  readonly #document: Document;
  #values = 0;

  constructor(document: Document) {
    this.#document = document;
  }

  read(): RegoValue {
    return this.#value(this.#document.contents, 0);
  }

  #value(node: unknown, depth: number): RegoValue {
    assertWorkable(depth, MAX_DEPTH, "levels of YAML");
    assertWorkable(++this.#values, MAX_VALUES, "values of YAML");
    if (isAlias(node)) {
      const target = node.resolve(this.#document);
      if (target === undefined) throw new UndefinedResult("unknown anchor");
      return this.#value(target, depth + 1);
    }
    if (isScalar(node)) return scalar(node);
    if (isSeq(node)) return node.items.map((item) => this.#value(item, depth + 1));
    if (!isMap(node)) return null;
    const own: [RegoValue, RegoValue][] = [];
    const merged: [RegoValue, RegoValue][] = [];
    for (const { key, value } of node.items) {
      if (isMergeKey(key)) merged.push(...this.#merged(value, depth));
      else own.push([this.#key(key, depth), this.#value(value, depth + 1)]);
    }
    return new RegoObject([...merged.reverse(), ...own]);
  }

  #key(node: unknown, depth: number): string {
    if (isScalar(node) && node.type === Scalar.PLAIN && typeof node.value === "string") {
      if (NO_NUMBER.has(node.value)) return node.value.toLowerCase().replace("+", "");
    }
    return keyOf(this.#value(node, depth + 1));
  }

  /** Of several mappings the first counts, and the keys that stand beside `<<` before all of them. */
  #merged(node: unknown, depth: number): readonly [RegoValue, RegoValue][] {
    const value = this.#value(node, depth + 1);
    const objects = Array.isArray(value) ? (value as readonly RegoValue[]) : [value as RegoValue];
    return objects.flatMap((object) => {
      if (!(object instanceof RegoObject))
        throw new UndefinedResult("map merge requires map or sequence of maps");
      return object.entries().map(([key, inner]): [RegoValue, RegoValue] => [key, inner]);
    });
  }
}

function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.value === "<<" && key.type === Scalar.PLAIN && key.tag === undefined;
}

const TAG = "tag:yaml.org,2002:";

function scalar({ value, type, tag }: Scalar): RegoValue {
  const text = typeof value === "string" ? value : "";
  switch (tag) {
    case undefined:
      return type === Scalar.PLAIN || value === null ? resolvePlain(text) : text;
    case `${TAG}binary`:
      return Buffer.from(text, "base64").toString();
    case `${TAG}int`:
    case `${TAG}float`: {
      const number = resolvePlain(text);
      if (!(number instanceof RegoNumber)) throw new UndefinedResult("cannot decode a scalar as its tag");
      return number;
    }
    case `${TAG}bool`:
    case `${TAG}null`: {
      const word = resolvePlain(text);
      if (typeof word === (tag === `${TAG}bool` ? "boolean" : "object")) return word;
      throw new UndefinedResult("cannot decode a scalar as its tag");
    }
    default:
      return text;
  }
}

function keyOf(key: RegoValue): string {
  if (typeof key === "string") return key;
  if (key instanceof RegoNumber) return key.text;
  if (typeof key === "boolean") return String(key);
  throw new UndefinedResult("unsupported map key");
}

function marshal(value: RegoValue, context: EvaluationContext): string {
  const plain = new PlainValues(context).of(value, 0);
  const text = stringify(plain, {
    lineWidth: 0,
    indent: 2,
    aliasDuplicateObjects: false,
    schema: "core",
    singleQuote: true,
    blockQuote: "literal",
  });
  assertWorkable(text.length, 4 * MAX_UNITS, "characters of YAML");
  return text;
}

/** Values as the package writes them, with the keys in order. */
class PlainValues {
  readonly #context: EvaluationContext;
  #values = 0;

  constructor(context: EvaluationContext) {
    this.#context = context;
  }

  of(value: RegoValue, depth: number): unknown {
    assertWorkable(depth, MAX_DEPTH, "levels of YAML");
    assertWorkable(++this.#values, MAX_VALUES, "values of YAML");
    this.#context.charge(10 * UNITS_PER_US);
    if (value === null || typeof value === "boolean") return value;
    if (typeof value === "string") return stringNode(value.toWellFormed());
    if (value instanceof RegoNumber) return value.toBigInt() ?? value.value;
    if (value instanceof RegoSet) {
      return [...value.values()].sort(compareRego).map((item) => this.of(item, depth + 1));
    }
    if (value instanceof RegoObject) {
      const entries = value
        .entries()
        .map(([key, inner]) => [jsonKey(key), this.of(inner, depth + 1)] as const);
      return new Map(
        [...entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [stringNode(key), inner]),
      );
    }
    return value.map((item) => this.of(item, depth + 1));
  }
}

/** Words of YAML 1.1 for true and false, numbers to the base 60, and timestamps: strings to Go, and quoted by it. */
const OLD_WORD = /^(?:y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF)$/;
const OLD_NUMBER = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;
const TIMESTAMP =
  /^\d{4}-\d\d?-\d\d?(?:[Tt]\d\d?:\d\d?:\d\d?(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)| \d\d?:\d\d?:\d\d?(?:\.\d+)?)?$/;

/** Quoted where a reader would take it for something else. */
function stringNode(text: string): Scalar {
  const node = new Scalar(text);
  const isString = NO_NUMBER.has(text) ? false : typeof resolvePlain(text) === "string";
  if (!isString || OLD_WORD.test(text) || OLD_NUMBER.test(text) || TIMESTAMP.test(text)) {
    node.type = Scalar.QUOTE_DOUBLE;
  }
  return node;
}

function jsonKey(key: RegoValue): string {
  return typeof key === "string" ? key.toWellFormed() : key instanceof RegoNumber ? key.text : String(key);
}
