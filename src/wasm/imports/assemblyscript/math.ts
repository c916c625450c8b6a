/** `JSMath`, AssemblyScript's name for the host's mathematics: pure functions and numbers, which give no power away. */

import type { ImportFunctions } from "../import-functions.ts";

const FUNCTION_NAMES = [
  "abs",
  "acos",
  "acosh",
  "asin",
  "asinh",
  "atan",
  "atan2",
  "atanh",
  "cbrt",
  "ceil",
  "clz32",
  "cos",
  "cosh",
  "exp",
  "expm1",
  "floor",
  "fround",
  "hypot",
  "imul",
  "log",
  "log10",
  "log1p",
  "log2",
  "max",
  "min",
  "pow",
  "random",
  "round",
  "sign",
  "sin",
  "sinh",
  "sqrt",
  "tan",
  "tanh",
  "trunc",
] as const satisfies readonly (keyof Math)[];

const CONSTANT_NAMES = [
  "E",
  "LN2",
  "LN10",
  "LOG2E",
  "LOG10E",
  "PI",
  "SQRT1_2",
  "SQRT2",
] as const satisfies readonly (keyof Math)[];

export const MATH_FUNCTIONS: ImportFunctions = Object.fromEntries(
  FUNCTION_NAMES.map((name) => [`Math.${name}`, Math[name] as (...parameters: never[]) => number]),
);

/** Imported as immutable globals of type f64. */
export const MATH_CONSTANTS: ReadonlyMap<string, number> = new Map(
  CONSTANT_NAMES.map((name) => [`Math.${name}`, Math[name]]),
);
