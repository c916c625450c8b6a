/** Constants of the test suite's scripts as exact values, and whether a returned value is what a script expects. */

import type { SpecConst } from "./spec-script.ts";
import type { ExactValue } from "./typed-call.ts";

/** Objects that stand for the scripts' host references, the same object for the same number. */
export class HostReferences {
  readonly #objects = new Map<string, object>();

  get(number: string): object {
    let object = this.#objects.get(number);
    if (object === undefined) {
      object = { hostReference: number };
      this.#objects.set(number, object);
    }
    return object;
  }
}

export function exactValue(constant: SpecConst, references: HostReferences): ExactValue {
  switch (constant.type) {
    case "i32":
      return Number(constant.value) | 0;
    case "f32":
      return Number(constant.value) >>> 0;
    case "i64":
      return BigInt.asIntN(64, BigInt(String(constant.value)));
    case "f64":
      return BigInt.asUintN(64, BigInt(String(constant.value)));
    case "v128":
      return lanes(constant).reduce(
        (bits, lane, index) =>
          bits | (BigInt.asUintN(lane.width, BigInt(lane.text)) << BigInt(index * lane.width)),
        0n,
      );
    default:
      return constant.value === undefined || constant.value === "null"
        ? null
        : references.get(String(constant.value));
  }
}

export function isExpected(value: ExactValue, expected: SpecConst, references: HostReferences): boolean {
  switch (expected.type) {
    case "either":
      return (expected.values ?? []).some((one) => isExpected(value, one, references));
    case "i32":
    case "i64":
      return value === exactValue(expected, references);
    case "f32":
      return isFloat(BigInt(value as number), String(expected.value), 32);
    case "f64":
      return isFloat(value as bigint, String(expected.value), 64);
    case "v128":
      return lanes(expected).every((lane, index) => {
        const bits = BigInt.asUintN(lane.width, (value as bigint) >> BigInt(index * lane.width));
        return lane.float
          ? isFloat(bits, lane.text, lane.width)
          : bits === BigInt.asUintN(lane.width, BigInt(lane.text));
      });
    case "externref":
    case "anyref":
    case "funcref":
    case "exnref":
      if (expected.value === "null") {
        return value === null;
      }
      if (expected.value === undefined) {
        return value !== null && value !== undefined;
      }
      return expected.type === "funcref"
        ? typeof value === "function"
        : value === references.get(String(expected.value));
    case "i31ref":
      return typeof value === "number";
    case "eqref":
      return value !== null && value !== undefined;
    case "structref":
    case "arrayref":
      return typeof value === "object" && value !== null;
    case "refnull":
    case "nullref":
    case "nullfuncref":
    case "nullexternref":
    case "nullexnref":
      return value === null;
    default:
      return false;
  }
}

function isFloat(bits: bigint, expected: string, width: number): boolean {
  if (!expected.startsWith("nan:")) {
    return bits === BigInt.asUintN(width, BigInt(expected));
  }
  const quiet = width === 32 ? 0x7fc0_0000n : 0x7ff8_0000_0000_0000n;
  const unsigned = BigInt.asUintN(width - 1, bits);
  return expected === "nan:canonical" ? unsigned === quiet : (unsigned & quiet) === quiet;
}

interface Lane {
  readonly text: string;
  readonly width: number;
  readonly float: boolean;
}

function lanes(constant: SpecConst): Lane[] {
  const kind = constant.lane_type ?? "i8";
  const width = Number(kind.slice(1));
  const texts = Array.isArray(constant.value) ? (constant.value as readonly string[]) : [];
  return texts.map((text) => ({ text, width, float: kind.startsWith("f") }));
}
