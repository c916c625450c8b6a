/** Decimal texts of doubles as Go's strconv.FormatFloat makes them: exact, rounded half to even. */

const MAX_PRECISION = 1100;

/** `precision` -1 is the shortest text that reads back as the same double. No sign for positive numbers. */
export function formatFloat(value: number, verb: "e" | "f" | "g", precision: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value < 0 ? "-Inf" : "+Inf";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  return sign + formatPositive(Math.abs(value), verb, precision);
}

function formatPositive(value: number, verb: "e" | "f" | "g", precision: number): string {
  const shown = Math.min(precision, MAX_PRECISION);
  switch (verb) {
    case "e":
      return exponential(shown < 0 ? shortest(value) : significant(value, shown + 1), shown);
    case "f":
      return shown < 0 ? plain(shortest(value)) : fixed(value, shown);
    case "g": {
      const digits = shown < 0 ? shortest(value) : trimmed(significant(value, Math.max(shown, 1)));
      const limit = shown < 0 ? 6 : limitOf(digits, Math.max(shown, 1));
      return digits.exponent < -4 || digits.exponent >= limit ? exponential(digits, -1) : plain(digits);
    }
  }
}

/** `%b`: mantissa and power of two. */
export function formatBinary(value: number): string {
  const { mantissa, exponent } = parts(Math.abs(value));
  return `${value < 0 ? "-" : ""}${mantissa}p${exponent < 0 ? "" : "+"}${exponent}`;
}

const HEX_FRACTION_BITS = 52;

/** `%x`: hexadecimal digits and power of two; `precision` -1 is as many digits as it takes. */
export function formatHexadecimal(value: number, precision: number): string {
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  let { mantissa, exponent } = parts(Math.abs(value));
  if (mantissa === 0n) return `${sign}0x0${precision > 0 ? `.${"0".repeat(precision)}` : ""}p+00`;
  while (mantissa < 1n << BigInt(HEX_FRACTION_BITS)) {
    mantissa <<= 1n;
    exponent--;
  }
  let power = exponent + HEX_FRACTION_BITS;
  const dropped = precision < 0 ? 0 : Math.max(HEX_FRACTION_BITS - 4 * precision, 0);
  if (dropped > 0) mantissa = roundedShift(mantissa, BigInt(dropped)) << BigInt(dropped);
  if (mantissa >> BigInt(HEX_FRACTION_BITS + 1) !== 0n) {
    mantissa >>= 1n;
    power++;
  }
  const digits = (mantissa & ((1n << BigInt(HEX_FRACTION_BITS)) - 1n)).toString(16).padStart(13, "0");
  const fraction =
    precision < 0 ? digits.replace(/0+$/, "") : digits.padEnd(precision, "0").slice(0, precision);
  const shownPower = `${power < 0 ? "-" : "+"}${Math.abs(power).toString().padStart(2, "0")}`;
  return `${sign}0x1${fraction === "" ? "" : `.${fraction}`}p${shownPower}`;
}

function roundedShift(value: bigint, bits: bigint): bigint {
  const quotient = value >> bits;
  const rest = value & ((1n << bits) - 1n);
  const half = 1n << (bits - 1n);
  return rest > half || (rest === half && (quotient & 1n) === 1n) ? quotient + 1n : quotient;
}

/** 0.d₁d₂… × 10^(exponent + 1). */
interface Digits {
  readonly text: string;
  readonly exponent: number;
}

function limitOf({ text, exponent }: Digits, precision: number): number {
  return precision > text.length && text.length >= exponent + 1 ? text.length : precision;
}

function shortest(value: number): Digits {
  const [mantissa = "0", exponent = "0"] = value.toExponential().split("e");
  return { text: mantissa.replace(".", ""), exponent: Number(exponent) };
}

function trimmed({ text, exponent }: Digits): Digits {
  return { text: text.replace(/0+$/, "") || "0", exponent };
}

function significant(value: number, count: number): Digits {
  if (value === 0) return { text: "0".repeat(count), exponent: 0 };
  const { exponent } = shortest(value);
  const text = scaled(value, count - 1 - exponent).toString();
  return text.length > count ? { text: text.slice(0, count), exponent: exponent + 1 } : { text, exponent };
}

function fixed(value: number, precision: number): string {
  const text = scaled(value, precision)
    .toString()
    .padStart(precision + 1, "0");
  return precision === 0 ? text : `${text.slice(0, -precision)}.${text.slice(-precision)}`;
}

/** value × 10^power, rounded half to even. */
function scaled(value: number, power: number): bigint {
  const { mantissa, exponent } = parts(value);
  let numerator = mantissa;
  let denominator = 1n;
  if (exponent >= 0) numerator <<= BigInt(exponent);
  else denominator <<= BigInt(-exponent);
  if (power >= 0) numerator *= 10n ** BigInt(power);
  else denominator *= 10n ** BigInt(-power);
  const quotient = numerator / denominator;
  const twice = 2n * (numerator % denominator);
  const roundsUp = twice > denominator || (twice === denominator && (quotient & 1n) === 1n);
  return roundsUp ? quotient + 1n : quotient;
}

/** value = mantissa × 2^exponent, exactly. */
function parts(value: number): { mantissa: bigint; exponent: number } {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const biased = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  return biased === 0
    ? { mantissa: fraction, exponent: -1074 }
    : { mantissa: fraction | (1n << 52n), exponent: biased - 1075 };
}

function exponential({ text, exponent }: Digits, precision: number): string {
  const fraction = precision < 0 ? text.slice(1) : text.slice(1).padEnd(precision, "0");
  const power = `${exponent < 0 ? "-" : "+"}${Math.abs(exponent).toString().padStart(2, "0")}`;
  return `${text[0]}${fraction === "" ? "" : `.${fraction}`}e${power}`;
}

function plain({ text, exponent }: Digits): string {
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${text}`;
  if (text.length <= exponent + 1) return text.padEnd(exponent + 1, "0");
  return `${text.slice(0, exponent + 1)}.${text.slice(exponent + 1)}`;
}
