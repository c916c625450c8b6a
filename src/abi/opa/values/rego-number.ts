/**
 * Numbers of Rego: decimal texts, of any size and precision. Policies compute with them as they are written, so a
 * timestamp in nanoseconds must not pass through a double.
 */

/** Longer texts are not normalised: 1e999999999 has a billion digits. */
const MAX_EXPONENT = 400;
const DECIMAL = /^(-?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

export class RegoNumber {
  /** As JSON writes it. */
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  static of(value: number | bigint): RegoNumber {
    return new RegoNumber(String(value));
  }

  /** Equal for equal numbers, however they are written. */
  get key(): string {
    const match = DECIMAL.exec(this.text);
    if (match === null) return this.text;
    const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
    const digits = `${whole}${fraction}`.replace(/^0+/, "");
    if (digits === "") return "0";
    const significant = digits.replace(/0+$/, "");
    const power = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length);
    return `${sign}${significant}e${power}`;
  }

  /** The nearest double. */
  get value(): number {
    return Number(this.text);
  }

  /** Null unless it is a whole number that can be written out. */
  toBigInt(): bigint | null {
    if (/^-?\d+$/.test(this.text)) return BigInt(this.text);
    const match = DECIMAL.exec(this.text);
    if (match === null) return null;
    const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
    const power = Number(exponent) - fraction.length;
    if (Math.abs(power) > MAX_EXPONENT) return null;
    const digits = BigInt(`${whole}${fraction}`);
    const scaled =
      power >= 0
        ? digits * 10n ** BigInt(power)
        : digits % 10n ** BigInt(-power) === 0n
          ? digits / 10n ** BigInt(-power)
          : null;
    return scaled === null ? null : sign === "-" ? -scaled : scaled;
  }

  /** Null unless it is a whole number that a double holds exactly. */
  toInteger(): number | null {
    const exact = this.toBigInt();
    if (exact === null) return null;
    const value = Number(exact);
    return Number.isSafeInteger(value) ? value : null;
  }
}
