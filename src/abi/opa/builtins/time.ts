/** Time: the clock of the evaluation, RFC 3339, and the calendar of any time zone. */

import { RegoNumber } from "../values/rego-number.ts";
import { isArray, type RegoValue } from "../values/rego-value.ts";
import { type BuiltinTable, stringArgument, UndefinedResult } from "./builtin.ts";

const MIN_NS = -(2n ** 63n);
const MAX_NS = 2n ** 63n - 1n;
const NS_PER_MS = 1_000_000n;
const NS_PER_SECOND = 1_000_000_000n;
const MS_PER_MINUTE = 60_000;
const MAX_ZONES = 64;
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+\-/]{0,63}$/;
const RFC3339 =
  /^(\d{4})-(\d{2})-(\d{2})T(\d{1,2}):(\d{2}):(\d{2})(?:[.,](\d+))?(?:Z|([+-])(\d{2}):(\d{2}))$/;
const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;

export function makeTime(): BuiltinTable {
  const zones = new Zones();
  return {
    "time.now_ns": (_args, { nowNs }) => RegoNumber.of(nowNs),
    "time.parse_rfc3339_ns": (args) => RegoNumber.of(parseRfc3339(stringArgument(args, 0))),
    "time.date": (args) => {
      const { year, month, day } = zones.calendar(args[0]);
      return [year, month, day].map(RegoNumber.of);
    },
    "time.clock": (args) => {
      const { hour, minute, second } = zones.calendar(args[0]);
      return [hour, minute, second].map(RegoNumber.of);
    },
    "time.weekday": (args) => WEEKDAYS[zones.calendar(args[0]).weekday]!,
  };
}

function parseRfc3339(text: string): bigint {
  const match = RFC3339.exec(text);
  if (match === null) throw new UndefinedResult("not a time of RFC 3339");
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [, , , , , , , fraction = "", sign = "+", offsetHours = "0", offsetMinutes = "0"] = match;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const isDate = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  if (!isDate || hour > 23 || minute > 59 || second > 59) throw new UndefinedResult("value out of range");
  if (Number(offsetHours) > 24 || Number(offsetMinutes) > 60)
    throw new UndefinedResult("offset out of range");
  date.setUTCHours(hour, minute, second);
  const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * MS_PER_MINUTE;
  const ms = date.getTime() - (sign === "-" ? -offset : offset);
  const ns = BigInt(ms) * NS_PER_MS + BigInt(fraction.slice(0, 9).padEnd(9, "0"));
  if (ns < MIN_NS || ns > MAX_NS) throw new UndefinedResult("time outside of valid range");
  return ns;
}

interface Calendar {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** From Sunday, 0. */
  readonly weekday: number;
}

/** Formatters are expensive to make, so one is kept for each time zone. */
class Zones {
  readonly #formats = new Map<string, Intl.DateTimeFormat>();

  /** Of nanoseconds in UTC, or of `[nanoseconds, zone]`. */
  calendar(time: RegoValue | undefined): Calendar {
    const [ns, zone = ""] = isArray(time) ? time : [time];
    if (!(ns instanceof RegoNumber)) throw new UndefinedResult("no number of nanoseconds");
    if (typeof zone !== "string") throw new UndefinedResult("the time zone is no string");
    const exact = ns.toBigInt();
    if (exact === null || exact < MIN_NS || exact > MAX_NS) throw new UndefinedResult("timestamp too big");
    const seconds = exact / NS_PER_SECOND - (exact % NS_PER_SECOND < 0n ? 1n : 0n);
    const date = new Date(Number(seconds) * 1000);
    return calendarOf(zone === "" || zone === "UTC" ? date : this.#shifted(date, zone));
  }

  /** A date whose UTC fields are those of the zone. */
  #shifted(date: Date, zone: string): Date {
    const fields: Record<string, number> = {};
    for (const { type, value } of this.#format(zone).formatToParts(date)) fields[type] = Number(value);
    const { year, month, day, hour, minute, second } = fields;
    const shifted = new Date(0);
    shifted.setUTCFullYear(year!, month! - 1, day!);
    shifted.setUTCHours(hour!, minute!, second!);
    return shifted;
  }

  #format(zone: string): Intl.DateTimeFormat {
    const known = this.#formats.get(zone);
    if (known !== undefined) return known;
    const made = makeFormat(zone);
    if (this.#formats.size >= MAX_ZONES) this.#formats.clear();
    this.#formats.set(zone, made);
    return made;
  }
}

function makeFormat(zone: string): Intl.DateTimeFormat {
  if (!ZONE_NAME.test(zone)) throw new UndefinedResult("unknown time zone");
  try {
    return new Intl.DateTimeFormat("en-US", {
      ...(zone === "Local" ? {} : { timeZone: zone }),
      calendar: "gregory",
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch {
    throw new UndefinedResult("unknown time zone");
  }
}

function calendarOf(date: Date): Calendar {
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    weekday: date.getUTCDay(),
  };
}
