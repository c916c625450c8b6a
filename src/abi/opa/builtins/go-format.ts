/** Format strings as Go's fmt.Sprintf reads them (https://pkg.go.dev/fmt#hdr-Printing). */

export interface Verb {
  readonly verb: string;
  readonly flags: Flags;
}

export interface Flags {
  readonly sharp: boolean;
  readonly zero: boolean;
  readonly plus: boolean;
  readonly minus: boolean;
  readonly space: boolean;
  /** Null when it is not given. */
  readonly width: number | null;
  readonly precision: number | null;
}

export const NO_FLAGS: Flags = {
  sharp: false,
  zero: false,
  plus: false,
  minus: false,
  space: false,
  width: null,
  precision: null,
};

/** Prints the arguments of one call. */
export interface ArgumentPrinter {
  readonly count: number;
  /** For `*`: null unless it is an integer. */
  integer(index: number): number | null;
  print(index: number, verb: string, flags: Flags): string;
  /** Like `int64=5`, for arguments that no verb asks for. */
  describe(index: number): string;
}

/** As in Go, larger widths and precisions are not taken. */
const TOO_LARGE = 1_000_000;

/** @param append gets the pieces of the result, and throws when there are too many of them */
export function formatGo(format: string, args: ArgumentPrinter, append: (text: string) => void): void {
  new Formatter(format, args, append).run();
}

class Formatter {
  readonly #format: string;
  readonly #args: ArgumentPrinter;
  readonly #append: (text: string) => void;
  #at = 0;
  #next = 0;
  #isReordered = false;
  #isGoodIndex = true;
  #isAfterIndex = false;

  constructor(format: string, args: ArgumentPrinter, append: (text: string) => void) {
    this.#format = format;
    this.#args = args;
    this.#append = append;
  }

  run(): void {
    while (this.#at < this.#format.length) {
      const percent = this.#format.indexOf("%", this.#at);
      this.#append(this.#format.slice(this.#at, percent < 0 ? undefined : percent));
      if (percent < 0) break;
      this.#at = percent + 1;
      this.#verb();
    }
    if (!this.#isReordered && this.#next < this.#args.count) this.#extra();
  }

  #verb(): void {
    this.#isGoodIndex = true;
    this.#isAfterIndex = false;
    let flags = this.#flags();
    this.#index();
    flags = this.#width(flags);
    flags = this.#precision(flags);
    if (!this.#isAfterIndex) this.#index();
    const verb = String.fromCodePoint(this.#format.codePointAt(this.#at) ?? 0);
    if (this.#at >= this.#format.length) {
      this.#append("%!(NOVERB)");
      return;
    }
    this.#at += verb.length;
    if (verb === "%") this.#append("%");
    else if (!this.#isGoodIndex) this.#append(`%!${verb}(BADINDEX)`);
    else if (this.#next >= this.#args.count) this.#append(`%!${verb}(MISSING)`);
    else this.#append(this.#args.print(this.#next++, verb, flags));
  }

  #flags(): Flags {
    const flags = { ...NO_FLAGS };
    for (; this.#at < this.#format.length; this.#at++) {
      const character = this.#format[this.#at];
      if (character === "#") flags.sharp = true;
      else if (character === "0") flags.zero = true;
      else if (character === "+") flags.plus = true;
      else if (character === "-") flags.minus = true;
      else if (character === " ") flags.space = true;
      else break;
    }
    return flags;
  }

  /** `[3]` names the argument that comes next. */
  #index(): void {
    this.#isAfterIndex = false;
    if (this.#format[this.#at] !== "[") return;
    this.#isReordered = true;
    const end = this.#format.indexOf("]", this.#at);
    if (end < 0) {
      this.#isGoodIndex = false;
      this.#at++;
      return;
    }
    const digits = this.#format.slice(this.#at + 1, end);
    this.#at = end + 1;
    const index = /^[0-9]{1,7}$/.test(digits) ? Number(digits) - 1 : -1;
    this.#isAfterIndex = /^[0-9]{1,7}$/.test(digits);
    if (index >= 0 && index < this.#args.count) this.#next = index;
    else this.#isGoodIndex = false;
  }

  #width(flags: Flags): Flags {
    if (this.#format[this.#at] === "*") {
      this.#at++;
      this.#isAfterIndex = false;
      const width = this.#starred();
      if (width === null) {
        this.#append("%!(BADWIDTH)");
        return flags;
      }
      return width < 0 ? { ...flags, width: -width, minus: true, zero: false } : { ...flags, width };
    }
    const width = this.#number();
    if (width !== null && this.#isAfterIndex) this.#isGoodIndex = false;
    return { ...flags, width };
  }

  #precision(flags: Flags): Flags {
    if (this.#at + 1 >= this.#format.length || this.#format[this.#at] !== ".") return flags;
    this.#at++;
    if (this.#isAfterIndex) this.#isGoodIndex = false;
    this.#index();
    if (this.#format[this.#at] !== "*") return { ...flags, precision: this.#number() ?? 0 };
    this.#at++;
    this.#isAfterIndex = false;
    const precision = this.#starred();
    if (precision === null || precision < 0) {
      this.#append("%!(BADPREC)");
      return flags;
    }
    return { ...flags, precision };
  }

  #starred(): number | null {
    if (this.#next >= this.#args.count) return null;
    const value = this.#args.integer(this.#next++);
    return value === null || Math.abs(value) > TOO_LARGE ? null : value;
  }

  #number(): number | null {
    const digits = /^[0-9]+/.exec(this.#format.slice(this.#at, this.#at + 16))?.[0];
    if (digits === undefined) return null;
    if (Number(digits) > TOO_LARGE) {
      this.#at = this.#format.length;
      return null;
    }
    this.#at += digits.length;
    return Number(digits);
  }

  #extra(): void {
    this.#append("%!(EXTRA ");
    for (let i = this.#next; i < this.#args.count; i++) {
      this.#append(`${i > this.#next ? ", " : ""}${this.#args.describe(i)}`);
    }
    this.#append(")");
  }
}
