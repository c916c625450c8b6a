/** Amounts with units: `units.parse` (10K, 3Mi, 500m) and `units.parse_bytes` (10KB, 3MiB). */

import { RegoNumber } from "../values/rego-number.ts";
import { assertWorkable, type BuiltinTable, stringArgument, UndefinedResult } from "./builtin.ts";

const MAX_EXPONENT_DIGITS = 6;
/** OPA takes larger ones, and computes a number with as many digits. */
const MAX_EXPONENT = 5000;
const MAX_AMOUNT_UNITS = 5000;
const FRACTION_DIGITS = 10;
const BITS_PER_STEP = 10n;

const LETTERS = ["k", "m", "g", "t", "p", "e"];

/** Multiplier by unit, in lower case. */
const BYTE_UNITS: ReadonlyMap<string, bigint> = new Map([
  ["", 1n],
  ...LETTERS.flatMap((letter, i): [string, bigint][] => {
    const decimal = 1000n ** BigInt(i + 1);
    const binary = 1n << (BITS_PER_STEP * BigInt(i + 1));
    return [
      [letter, decimal],
      [`${letter}b`, decimal],
      [`${letter}i`, binary],
      [`${letter}ib`, binary],
    ];
  }),
]);

/** `m` alone is a thousandth, and so only `M` is a million. */
const SI_UNITS: ReadonlyMap<string, bigint> = new Map([
  ["", 1n],
  ...LETTERS.flatMap((letter, i): [string, bigint][] => {
    const decimal = 1000n ** BigInt(i + 1);
    const binary = 1n << (BITS_PER_STEP * BigInt(i + 1));
    const upper = letter.toUpperCase();
    return [
      ...(letter === "m" ? [] : [[letter, decimal] as [string, bigint]]),
      [upper, decimal],
      [`${letter}i`, binary],
      [`${upper}i`, binary],
    ];
  }),
]);

export const UNITS: BuiltinTable = {
  "units.parse_bytes": (args) => {
    const text = stringArgument(args, 0).toLowerCase().replaceAll('"', "");
    const [amount, unit] = split(text);
    const multiplier = BYTE_UNITS.get(unit);
    if (multiplier === undefined) throw new UndefinedResult(`byte unit ${unit} not recognized`);
    return RegoNumber.of(timesRounded(rationalOf(amount), multiplier));
  },
  "units.parse": (args) => {
    const text = stringArgument(args, 0).replaceAll('"', "");
    const [amount, written] = split(text);
    const unit = written.slice(0, 1) + written.slice(1).toLowerCase();
    const { numerator, denominator } = rationalOf(amount);
    if (unit === "m") return scaledByMilli(numerator, denominator);
    const multiplier = SI_UNITS.get(unit);
    if (multiplier === undefined) throw new UndefinedResult(`unit ${unit} not recognized`);
    return new RegoNumber(decimal(numerator * multiplier, denominator));
  },
};

/** OPA multiplies by the double nearest to 0.001, exactly. */
function scaledByMilli(numerator: bigint, denominator: bigint): RegoNumber {
  return new RegoNumber(decimal(numerator * MILLI_NUMERATOR, denominator * MILLI_DENOMINATOR));
}

const MILLI_NUMERATOR = 1_152_921_504_606_847n;
const MILLI_DENOMINATOR = 1n << 60n;

/** The amount and the unit behind it. */
function split(text: string): [amount: string, unit: string] {
  assertWorkable(text.length, MAX_AMOUNT_UNITS, "characters of an amount");
  if (text.includes(" ")) throw new UndefinedResult("spaces not allowed in resource strings");
  let end = 0;
  while (end < text.length) {
    const character = text[end]!;
    if (/[0-9.+-]/.test(character)) {
      end++;
      continue;
    }
    if (!/[eE]/.test(character) || !/^[0-9+-]/.test(text.slice(end + 1))) break;
    const exponent = /^.[+-]?([0-9]*)/.exec(text.slice(end))!;
    if (exponent[1]!.length > MAX_EXPONENT_DIGITS) throw new UndefinedResult("exponent too large");
    end += exponent[0].length;
  }
  if (end === 0) throw new UndefinedResult("no amount provided");
  return [text.slice(0, end), text.slice(end)];
}

const AMOUNT = /^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?$/;

function rationalOf(text: string): Rational {
  const match = AMOUNT.exec(text);
  if (match === null) throw new UndefinedResult("could not parse amount to a number");
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  if (whole === "" && fraction === "") throw new UndefinedResult("could not parse amount to a number");
  const power = Number(exponent) - fraction.length;
  assertWorkable(Math.abs(power), MAX_EXPONENT, "exponent of a unit");
  const digits = BigInt(`${sign === "-" ? "-" : ""}${whole}${fraction}`);
  return power >= 0
    ? { numerator: digits * 10n ** BigInt(power), denominator: 1n }
    : { numerator: digits, denominator: 10n ** BigInt(-power) };
}

interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

const MANTISSA_BITS = 64;

/** OPA computes with floats of 64 bits of mantissa (Go's big.Float), and cuts off what is behind the point. */
function timesRounded(amount: Rational, multiplier: bigint): bigint {
  const { numerator, denominator } = rounded(amount);
  const product = rounded({ numerator: numerator * multiplier, denominator });
  return product.numerator / product.denominator;
}

/** To the nearest float, ties to even. */
function rounded({ numerator, denominator }: Rational): Rational {
  if (numerator === 0n) return { numerator, denominator: 1n };
  const size = numerator < 0n ? -numerator : numerator;
  let shift = bitsOf(size) - bitsOf(denominator) - MANTISSA_BITS;
  if (divided(size, denominator, shift) >= 1n << BigInt(MANTISSA_BITS)) shift++;
  const mantissa = divided(size, denominator, shift) * (numerator < 0n ? -1n : 1n);
  return shift >= 0
    ? { numerator: mantissa << BigInt(shift), denominator: 1n }
    : { numerator: mantissa, denominator: 1n << BigInt(-shift) };
}

/** size / denominator / 2^shift, rounded half to even. */
function divided(size: bigint, denominator: bigint, shift: number): bigint {
  const dividend = shift < 0 ? size << BigInt(-shift) : size;
  const divisor = shift > 0 ? denominator << BigInt(shift) : denominator;
  const quotient = dividend / divisor;
  const twice = 2n * (dividend % divisor);
  return twice > divisor || (twice === divisor && (quotient & 1n) === 1n) ? quotient + 1n : quotient;
}

function bitsOf(value: bigint): number {
  return value.toString(2).length;
}

/** Whole numbers as they are, others with ten digits behind the point, rounded half away from zero. */
function decimal(numerator: bigint, denominator: bigint): string {
  if (numerator % denominator === 0n) return String(numerator / denominator);
  const isNegative = numerator < 0n;
  const size = isNegative ? -numerator : numerator;
  const scaled = (2n * size * 10n ** BigInt(FRACTION_DIGITS) + denominator) / (2n * denominator);
  const digits = scaled.toString().padStart(FRACTION_DIGITS + 1, "0");
  return `${isNegative ? "-" : ""}${digits.slice(0, -FRACTION_DIGITS)}.${digits.slice(-FRACTION_DIGITS)}`;
}
