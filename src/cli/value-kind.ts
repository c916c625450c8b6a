/**
 * The kinds of value an option can have: how each is written, checked and shown. valibot decides; which option has which
 * kind stands in options.ts.
 */

import * as v from "valibot";
import type { EventKind } from "../event/event.ts";
import { EVENT_NAMES, eventKindOf, eventNameOf } from "../event/event-names.ts";
import type { CalloutTarget } from "../host/callouts.ts";

export interface ValueKind<T> {
  /** A switch needs no value: its flag alone means true. A list is added to each time its flag is given. */
  readonly type: "switch" | "value" | "list";
  /** Completes the sentence "... must be". */
  readonly expected: string;
  /** Every possible value, where those can be listed. */
  readonly choices?: readonly string[];
  /** Names a file or folder: a shell can complete it. */
  readonly isPath?: true;
  readonly schema: v.GenericSchema<string, T>;
  /** The value as an operator would write it. */
  show(value: T): string;
}

export function switchKind(): ValueKind<boolean> {
  const words = new Map([
    ["true", true],
    ["false", false],
    ["1", true],
    ["0", false],
    ["yes", true],
    ["no", false],
    ["on", true],
    ["off", false],
  ]);
  return {
    type: "switch",
    expected: "true or false (or 1/0, yes/no, on/off)",
    choices: ["true", "false"],
    schema: v.pipe(
      v.string(),
      v.transform((text) => words.get(text.trim().toLowerCase())),
      v.boolean(),
    ),
    show: String,
  };
}

/** Any number of values, by giving the flag as often. */
export function listKind<T>(item: ValueKind<T>): ValueKind<readonly T[]> {
  return {
    type: "list",
    expected: item.expected,
    ...(item.choices === undefined ? {} : { choices: item.choices }),
    ...(item.isPath === undefined ? {} : { isPath: item.isPath }),
    schema: v.pipe(
      item.schema,
      v.transform((value) => [value]),
    ),
    show: (values) => (values.length === 0 ? "none" : values.map((value) => item.show(value)).join(", ")),
  };
}

export function pathKind(): ValueKind<string> {
  return {
    type: "value",
    expected: "a path",
    isPath: true,
    schema: v.pipe(
      v.string(),
      v.nonEmpty(),
      v.check((text) => !text.includes("\0")),
    ),
    show: String,
  };
}

export function integerKind(range: { readonly min: number; readonly max: number }): ValueKind<number> {
  return {
    type: "value",
    expected: `a whole number from ${range.min} to ${range.max}`,
    schema: v.pipe(
      v.string(),
      v.trim(),
      v.regex(/^\d+$/),
      v.transform(Number),
      v.minValue(range.min),
      v.maxValue(range.max),
    ),
    show: String,
  };
}

export function shareKind(): ValueKind<number> {
  return {
    type: "value",
    expected: "a number from 0 to 1",
    schema: v.pipe(
      v.string(),
      v.trim(),
      v.regex(/^(?:\d+\.?\d*|\.\d+)$/),
      v.transform(Number),
      v.minValue(0),
      v.maxValue(1),
    ),
    show: String,
  };
}

export function choiceKind<const T extends string>(choices: readonly [T, ...T[]]): ValueKind<T> {
  return {
    type: "value",
    expected: `${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`,
    choices,
    schema: v.pipe(v.string(), v.trim(), v.toLowerCase(), v.picklist(choices)),
    show: String,
  };
}

/** Any text, the empty one included. */
export function textKind(expected: string): ValueKind<string> {
  return { type: "value", expected, schema: v.string(), show: String };
}

/** `name: value`, as HTTP writes it. The name is read in lower case, which is how proxies send it. */
export function headerKind(): ValueKind<readonly [name: string, value: string]> {
  return {
    type: "value",
    expected: "a header like name:value",
    schema: v.pipe(
      v.string(),
      v.transform((text): [string, string] => {
        const colon = text.indexOf(":");
        return [text.slice(0, Math.max(colon, 0)).trim().toLowerCase(), text.slice(colon + 1).trim()];
      }),
      v.tuple([v.pipe(v.string(), v.regex(HEADER_NAME)), v.string()]),
    ),
    show: ([name, value]) => `${name}: ${value}`,
  };
}

const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Header names in one text, separated by commas; read in lower case. `none` is the empty list. */
export function headerNamesKind(): ValueKind<readonly string[]> {
  return {
    type: "value",
    expected: "header names separated by commas, or none",
    schema: v.pipe(
      v.string(),
      v.trim(),
      v.toLowerCase(),
      v.transform((text) => (text === "none" ? [] : text.split(",").map((name) => name.trim()))),
      v.array(v.pipe(v.string(), v.regex(HEADER_NAME))),
    ),
    show: (names) => (names.length === 0 ? "none" : names.join(",")),
  };
}

/** Events by their names in the proxy's configuration, separated by commas. */
export function eventsKind(): ValueKind<readonly EventKind[]> {
  return {
    type: "value",
    expected: `names of events separated by commas (${EVENT_NAMES})`,
    schema: v.pipe(
      v.string(),
      v.transform((text) => text.split(",").map((name) => eventKindOf(name))),
      v.array(v.custom<EventKind>((kind) => kind !== null)),
    ),
    show: (kinds) => kinds.map((kind) => eventNameOf(kind)).join(","),
  };
}

/** `<upstream>=<url>`, several separated by commas; `none` is the empty list. The url has no path: that is the guest's. */
export function calloutsKind(): ValueKind<readonly CalloutTarget[]> {
  return {
    type: "list",
    expected: "an upstream and where it is, like authz=http://127.0.0.1:8080",
    schema: v.pipe(
      v.string(),
      v.transform((text) =>
        text === "none" ? [] : text.split(",").map((part) => calloutTarget(part.trim())),
      ),
      v.array(v.custom<CalloutTarget>((target) => target !== null)),
    ),
    show: (targets) =>
      targets.length === 0
        ? "none"
        : targets.map(({ upstream, origin }) => `${upstream}=${origin}`).join(","),
  };
}

function calloutTarget(text: string): CalloutTarget | null {
  const at = text.indexOf("=");
  const url = at > 0 ? URL.parse(text.slice(at + 1)) : null;
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) return null;
  // Neither credentials nor a path, which would be lost.
  return url.href === `${url.origin}/` ? { upstream: text.slice(0, at), origin: url.origin } : null;
}

/** `address:port`, `[v6 address]:port` or `name:port`. */
export function hostAndPortKind(): ValueKind<{ readonly hostname: string; readonly port: number }> {
  return {
    type: "value",
    expected: "an address and a port like 127.0.0.1:9464 or [::1]:9464",
    schema: v.pipe(
      v.string(),
      v.trim(),
      v.regex(HOST_AND_PORT),
      v.transform((text): { hostname: string; port: number } => {
        const { v6, name, port } = HOST_AND_PORT.exec(text)?.groups ?? {};
        return { hostname: v6 ?? name ?? "", port: Number(port) };
      }),
      v.object({ hostname: v.string(), port: v.pipe(v.number(), v.maxValue(65_535)) }),
    ),
    show: ({ hostname, port }) => `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`,
  };
}

const HOST_AND_PORT = /^(?:\[(?<v6>[0-9A-Fa-f:.]+)\]|(?<name>[\w.-]+)):(?<port>\d{1,5})$/;

/** Permission bits in octal, with or without leading zeros or `0o`. */
export function fileModeKind(): ValueKind<number> {
  return {
    type: "value",
    expected: "octal permission bits from 0000 to 0777",
    schema: v.pipe(
      v.string(),
      v.trim(),
      v.regex(/^(?:0o)?[0-7]+$/),
      v.transform((text) => Number.parseInt(text.replace("0o", ""), 8)),
      v.maxValue(0o777),
    ),
    show: (mode) => mode.toString(8).padStart(4, "0"),
  };
}

const BYTES_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["b", 1],
  ["kb", 1000],
  ["mb", 1000 ** 2],
  ["gb", 1000 ** 3],
  ["kib", 1024],
  ["mib", 1024 ** 2],
  ["gib", 1024 ** 3],
]);

/** Bytes, with a decimal or binary suffix in any case. */
export function byteSizeKind(range: { readonly min: number; readonly max: number }): ValueKind<number> {
  return {
    type: "value",
    expected: `a size from ${showByteSize(range.min)} to ${showByteSize(range.max)} (KiB, MiB, GiB, KB, MB, GB or bytes)`,
    schema: v.pipe(
      v.string(),
      v.trim(),
      v.toLowerCase(),
      v.transform((text) => {
        const [, amount = "", unit = ""] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/.exec(text) ?? [];
        return amount === "" ? Number.NaN : Number(amount) * (BYTES_PER_UNIT.get(unit) ?? Number.NaN);
      }),
      v.safeInteger(),
      v.minValue(range.min),
      v.maxValue(range.max),
    ),
    show: showByteSize,
  };
}

/** In the largest binary unit that needs no fraction. */
function showByteSize(bytes: number): string {
  for (const [factor, unit] of [
    [1024 ** 3, "GiB"],
    [1024 ** 2, "MiB"],
    [1024, "KiB"],
  ] as const) {
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return `${bytes}`;
}
