/** The shapes that events in JSON are made of, and how an event of another shape is refused. */

import * as v from "valibot";
import { decodeBase64 } from "../../event/base64.ts";
import { InputError } from "../../event/input-error.ts";

/** As far as proxies can send one. */
const MAX_STATUS = 65_535;
export const DEFAULT_CORRELATION_ID = "call";

export const text = v.string("must be a text");
export const nullableText = v.optional(v.nullable(text), null);
export const texts = v.array(text, "must be a list of texts");
export const flag = v.boolean("must be true or false");
export const correlationId = v.optional(text, DEFAULT_CORRELATION_ID);
export const count = v.pipe(
  v.number("must be a number"),
  v.safeInteger("must be a whole number"),
  v.minValue(0, "must be at least 0"),
);
export const status = v.pipe(
  v.number("must be a number"),
  v.integer("must be a whole number"),
  v.minValue(0, `must be from 0 to ${MAX_STATUS}`),
  v.maxValue(MAX_STATUS, `must be from 0 to ${MAX_STATUS}`),
);

/**
 * Keys come from JSON.parse, so one that is called `__proto__` or `constructor` is a key like any other here; valibot's
 * `record` leaves such keys out.
 */
export function mapOf<T>(value: v.GenericSchema<unknown, T>, message = "must be an object") {
  return v.pipe(
    v.custom<Record<string, unknown>>(isPlainObject, message),
    v.transform(Object.entries),
    v.array(v.tuple([v.string(), value])),
    v.transform((entries): Record<string, T> => Object.fromEntries(entries)),
  );
}

export const headers = mapOf(
  v.pipe(
    v.union([v.string(), texts], "must be a text or a list of texts"),
    v.transform((value) => (typeof value === "string" ? [value] : value)),
  ),
  "must be an object of header names and values",
);

export const base64 = v.pipe(
  text,
  v.transform(decodeBase64),
  v.custom<Uint8Array<ArrayBuffer>>((bytes) => bytes !== null, "must be padded base64"),
);

/** @throws InputError `event-shape`, naming the key. */
export function parseShape<T>(schema: v.GenericSchema<unknown, T>, value: object): T {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue) ?? "";
  if (issue.type === "strict_object") {
    throw new InputError(
      "event-shape",
      `an event of this kind has no key ${JSON.stringify(path)}; the command "schema event" prints all, and "kind" names the kind`,
    );
  }
  throw new InputError("event-shape", `${path} of the event ${describeIssue(issue.message)}`);
}

/** Messages of this file begin with "must"; valibot's own are sentences. */
function describeIssue(message: string): string {
  return message.startsWith("must ") ? message : `cannot be used: ${message}`;
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
