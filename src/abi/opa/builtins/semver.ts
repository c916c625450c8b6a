/** Semantic versions, as OPA reads them (https://semver.org, a leading `v` is ignored). */

import { RegoNumber } from "../values/rego-number.ts";
import { type BuiltinTable, stringArgument, UndefinedResult } from "./builtin.ts";

interface Version {
  readonly numbers: readonly bigint[];
  readonly preRelease: string;
}

const VERSION =
  /^v?(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;
const DIGITS = /^[0-9]+$/;
const MAX_NUMBER = 2n ** 63n - 1n;

export const SEMVER: BuiltinTable = {
  "semver.is_valid": (args) => typeof args[0] === "string" && parseVersion(args[0]) !== null,
  "semver.compare": (args) =>
    RegoNumber.of(compare(versionOf(stringArgument(args, 0)), versionOf(stringArgument(args, 1)))),
};

function versionOf(text: string): Version {
  const version = parseVersion(text);
  if (version === null) throw new UndefinedResult("not a valid SemVer");
  return version;
}

function parseVersion(text: string): Version | null {
  const match = VERSION.exec(text);
  if (match === null) return null;
  const numbers = match.slice(1, 4).map(BigInt);
  const preRelease = match[4] ?? "";
  if (numbers.some((number) => number > MAX_NUMBER)) return null;
  if (preRelease.split(".").some((id) => id.length > 1 && id.startsWith("0") && DIGITS.test(id))) return null;
  return { numbers, preRelease };
}

function compare(a: Version, b: Version): number {
  for (const [i, number] of a.numbers.entries()) {
    if (number !== b.numbers[i]!) return number < b.numbers[i]! ? -1 : 1;
  }
  return comparePreReleases(a.preRelease, b.preRelease);
}

function comparePreReleases(a: string, b: string): number {
  if (a === b) return 0;
  if (a === "") return 1;
  if (b === "") return -1;
  const left = a.split(".");
  const right = b.split(".");
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = compareIdentifiers(left[i]!, right[i]!);
    if (order !== 0) return order;
  }
  return Math.sign(left.length - right.length);
}

/** Numeric identifiers come before all others. */
function compareIdentifiers(a: string, b: string): number {
  const isNumber = DIGITS.test(a);
  if (isNumber !== DIGITS.test(b)) return isNumber ? -1 : 1;
  if (!isNumber) return a < b ? -1 : a > b ? 1 : 0;
  const [left, right] = [BigInt(a), BigInt(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}
