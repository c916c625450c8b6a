/**
 * `sprintf`: Go's fmt.Sprintf over the Go values that OPA makes of Rego's: int64 or *big.Int for whole numbers, float64
 * for others, and strings for everything else.
 */

import { RegoNumber } from "../values/rego-number.ts";
import { bytesOf, isArray, type RegoValue } from "../values/rego-value.ts";
import { assertWorkable, MAX_TEXT_UNITS, UndefinedResult } from "./builtin.ts";
import { formatBinary, formatFloat, formatHexadecimal } from "./go-float.ts";
import { type ArgumentPrinter, type Flags, formatGo, NO_FLAGS } from "./go-format.ts";
import { printRego, quote } from "./go-quote.ts";

type GoValue =
  | { readonly type: "int64" | "*big.Int"; readonly value: bigint }
  | { readonly type: "float64"; readonly value: number }
  | { readonly type: "string"; readonly value: string };

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;
const MAX_CODE_POINT = 0x10ffff;
const BASES: ReadonlyMap<string, number> = new Map([
  ["v", 10],
  ["d", 10],
  ["b", 2],
  ["o", 8],
  ["O", 8],
  ["x", 16],
  ["X", 16],
]);
const PREFIXES: ReadonlyMap<string, string> = new Map([
  ["b", "0b"],
  ["o", "0"],
  ["x", "0x"],
  ["X", "0X"],
]);

export function sprintf(format: string, args: RegoValue | undefined): string {
  if (!isArray(args)) throw new UndefinedResult("argument 2 is not an array");
  const parts: string[] = [];
  let units = 0;
  formatGo(format, new Arguments(args.map(toGo)), (text) => {
    units += text.length;
    assertWorkable(units, MAX_TEXT_UNITS, "characters of a result of sprintf");
    parts.push(text);
  });
  return parts.join("");
}

function toGo(value: RegoValue): GoValue {
  if (typeof value === "string") return { type: "string", value };
  if (!(value instanceof RegoNumber)) return { type: "string", value: printRego(value) };
  if (/[.eE]/.test(value.text)) {
    return Number.isFinite(value.value)
      ? { type: "float64", value: value.value }
      : { type: "string", value: value.text };
  }
  const exact = BigInt(value.text);
  return { type: exact >= MIN_INT64 && exact <= MAX_INT64 ? "int64" : "*big.Int", value: exact };
}

class Arguments implements ArgumentPrinter {
  readonly #values: readonly GoValue[];

  constructor(values: readonly GoValue[]) {
    this.#values = values;
  }

  get count(): number {
    return this.#values.length;
  }

  integer(index: number): number | null {
    const { type, value } = this.#values[index]!;
    return type === "int64" ? Number(value) : null;
  }

  describe(index: number): string {
    const value = this.#values[index]!;
    return `${value.type}=${print(value, "v", NO_FLAGS)}`;
  }

  print(index: number, verb: string, flags: Flags): string {
    return print(this.#values[index]!, verb, flags);
  }
}

function print(value: GoValue, verb: string, flags: Flags): string {
  if (verb === "T") return printString(value.type, "s", flags);
  // `%w` is `%v` outside of fmt.Errorf's own errors.
  const shown = verb === "w" ? "v" : verb;
  const text =
    value.type === "string"
      ? printString(value.value, shown, flags)
      : value.type === "float64"
        ? printFloat(value.value, shown, flags)
        : value.type === "int64"
          ? printInteger(value.value, shown, flags)
          : printBig(value.value, shown, flags);
  return text ?? badVerb(value, verb, flags);
}

function badVerb(value: GoValue, verb: string, flags: Flags): string {
  if (value.type === "*big.Int") return `%!${verb}(big.Int=${value.value})`;
  return `%!${verb}(${value.type}=${print(value, "v", flags)})`;
}

function printString(text: string, verb: string, flags: Flags): string;
function printString(text: string, verb: string, flags: Flags): string | null;
function printString(text: string, verb: string, flags: Flags): string | null {
  switch (verb) {
    case "v":
      return flags.sharp
        ? pad(quoted(text, { ...flags, sharp: false }), flags)
        : pad(truncate(text, flags), flags);
    case "s":
      return pad(truncate(text, flags), flags);
    case "q":
      return pad(quoted(truncate(text, flags), flags), flags);
    case "x":
    case "X":
      return hexOf(text, verb, flags);
    default:
      return null;
  }
}

function quoted(text: string, flags: Flags): string {
  const canBackquote = !/[\u0000-\u0008\u000a-\u001f\u007f`\ufeff]/.test(text) && text.isWellFormed();
  return flags.sharp && canBackquote ? `\`${text}\`` : quote(text, '"', flags.plus);
}

function hexOf(text: string, verb: "x" | "X", flags: Flags): string {
  const bytes = bytesOf(text);
  const length = Math.min(flags.precision ?? bytes.length, bytes.length);
  if (length === 0) return flags.width === null ? "" : " ".repeat(flags.width);
  const prefix = flags.sharp ? `0${verb}` : "";
  const pairs = [...bytes.subarray(0, length)].map((byte) => {
    const pair = byte.toString(16).padStart(2, "0");
    return verb === "X" ? pair.toUpperCase() : pair;
  });
  return pad(flags.space ? pairs.map((pair) => prefix + pair).join(" ") : prefix + pairs.join(""), flags);
}

function truncate(text: string, { precision }: Flags): string {
  return precision === null ? text : [...text].slice(0, precision).join("");
}

function pad(text: string, { width, minus, zero }: Flags): string {
  if (width === null) return text;
  const missing = width - [...text].length;
  if (missing <= 0) return text;
  if (minus) return text + " ".repeat(missing);
  return (zero ? "0" : " ").repeat(missing) + text;
}

function printInteger(value: bigint, verb: string, flags: Flags): string | null {
  switch (verb) {
    case "c":
      return pad(character(value), flags);
    case "q":
      return pad(quote(character(value), "'", flags.plus), flags);
    case "U":
      return pad(unicode(value, flags), { ...flags, zero: false });
    default: {
      const base = BASES.get(verb);
      return base === undefined ? null : integerText(value, base, verb, flags);
    }
  }
}

function character(value: bigint): string {
  const isCharacter =
    value >= 0n && value <= BigInt(MAX_CODE_POINT) && !(value >= 0xd800n && value < 0xe000n);
  return isCharacter ? String.fromCodePoint(Number(value)) : "\uFFFD";
}

function unicode(value: bigint, flags: Flags): string {
  const digits = BigInt.asUintN(64, value).toString(16).toUpperCase();
  const text = `U+${digits.padStart(Math.max(flags.precision ?? 4, 4), "0")}`;
  const shown = quote(character(value), "'");
  const isShown = flags.sharp && value >= 0n && value <= BigInt(MAX_CODE_POINT) && !shown.startsWith("'\\");
  return isShown ? `${text} '${character(value)}'` : text;
}

function integerText(value: bigint, base: number, verb: string, flags: Flags): string {
  if (flags.precision === 0 && value === 0n) return pad("", { ...flags, zero: false });
  const sign = value < 0n ? "-" : flags.plus && verb !== "v" ? "+" : flags.space ? " " : "";
  const fill =
    flags.precision ?? (flags.zero && !flags.minus && flags.width !== null ? flags.width - sign.length : 0);
  const digits = digitsOf(value, base, verb).padStart(fill, "0");
  const prefix = verb === "O" ? "0o" : flags.sharp && verb !== "v" ? sharpPrefix(digits, verb) : "";
  return pad(sign + prefix + digits, { ...flags, zero: false });
}

function sharpPrefix(digits: string, verb: string): string {
  return verb === "o" && digits.startsWith("0") ? "" : (PREFIXES.get(verb) ?? "");
}

function digitsOf(value: bigint, base: number, verb: string): string {
  const digits = (value < 0n ? -value : value).toString(base);
  return verb === "X" ? digits.toUpperCase() : digits;
}

/** The type formats itself, with rules of its own. */
function printBig(value: bigint, verb: string, flags: Flags): string | null {
  const base = verb === "s" ? 10 : BASES.get(verb);
  if (base === undefined) return null;
  const sign = value < 0n ? "-" : flags.plus ? "+" : flags.space ? " " : "";
  const prefix = verb === "O" ? "0o" : flags.sharp ? (PREFIXES.get(verb) ?? "") : "";
  const digits = digitsOf(value, base, verb).padStart(flags.precision ?? 0, "0");
  const text = sign + prefix + digits;
  const missing = (flags.width ?? 0) - text.length;
  if (missing <= 0) return text;
  if (flags.minus) return text + " ".repeat(missing);
  return flags.zero && flags.precision === null
    ? sign + prefix + "0".repeat(missing) + digits
    : " ".repeat(missing) + text;
}

function printFloat(value: number, verb: string, flags: Flags): string | null {
  switch (verb) {
    case "v":
      return signed(formatFloat(value, "g", flags.precision ?? -1), { ...flags, plus: false });
    case "g":
    case "G":
      return cased(signed(formatFloat(value, "g", flags.precision ?? -1), flags), verb);
    case "e":
    case "E":
      return cased(signed(formatFloat(value, "e", flags.precision ?? 6), flags), verb);
    case "f":
    case "F":
      return signed(formatFloat(value, "f", flags.precision ?? 6), flags);
    case "b":
      return signed(formatBinary(value), flags);
    case "x":
    case "X":
      return cased(signed(formatHexadecimal(value, flags.precision ?? -1), flags), verb);
    default:
      return null;
  }
}

function cased(text: string, verb: string): string {
  return verb === verb.toUpperCase() ? text.toUpperCase() : text;
}

function signed(text: string, flags: Flags): string {
  const isNegative = text.startsWith("-");
  const digits = isNegative ? text.slice(1) : text;
  const sign = isNegative ? "-" : flags.plus ? "+" : flags.space ? " " : "";
  if (flags.zero && !flags.minus && flags.width !== null) {
    return sign + digits.padStart(flags.width - sign.length, "0");
  }
  return pad(sign + digits, { ...flags, zero: false });
}
