/** UUIDs: `uuid.rfc4122` makes random ones, `uuid.parse` takes them apart (RFC 4122). */

import { RegoNumber } from "../values/rego-number.ts";
import { RegoObject, type RegoValue } from "../values/rego-value.ts";
import { writeRego } from "../values/rego-text.ts";
import { type BuiltinTable, type EvaluationContext, stringArgument, UndefinedResult } from "./builtin.ts";

const FORMS: readonly RegExp[] = [
  /^([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})$/i,
  /^urn:uuid:([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})$/i,
  // The characters around it are not looked at.
  /^.([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12}).$/is,
  /^([0-9a-f]{32})$/i,
];
const DOMAINS = ["Person", "Group", "Org"];
/** From 15 October 1582 to 1970, in units of 100 ns. */
const EPOCH_OFFSET = 122_192_928_000_000_000n;

export const UUID: BuiltinTable = {
  "uuid.parse": (args) => describe(parse(stringArgument(args, 0))),
  "uuid.rfc4122": (args, context) => {
    const key = `uuid ${writeRego(args[0] ?? null)}`;
    const known = context.memo.get(key);
    if (known !== undefined) return known;
    const made = makeRandom(context);
    context.memo.set(key, made);
    return made;
  },
};

function makeRandom(context: EvaluationContext): string {
  const bytes = Buffer.alloc(16);
  context.fillRandom(bytes);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

function parse(text: string): Buffer {
  for (const form of FORMS) {
    const match = form.exec(text);
    if (match !== null) return Buffer.from(match.slice(1).join(""), "hex");
  }
  throw new UndefinedResult("invalid UUID format");
}

function describe(bytes: Buffer): RegoObject {
  const version = bytes[6]! >> 4;
  const entries: [string, RegoValue][] = [
    ["version", RegoNumber.of(version)],
    ["variant", variantOf(bytes[8]!)],
  ];
  if (version === 1 || version === 2) {
    const node = bytes.subarray(10);
    entries.push(
      ["time", RegoNumber.of(unixNs(bytes))],
      ["nodeid", [...node].map((byte) => byte.toString(16).padStart(2, "0")).join("-")],
      ["macvariables", macVariables(node[0]!)],
      ["clocksequence", RegoNumber.of(bytes.readUInt16BE(8) & 0x3fff)],
    );
  }
  if (version === 2) {
    const domain = bytes[9]!;
    entries.push(
      ["id", RegoNumber.of(bytes.readUInt32BE(0))],
      ["domain", DOMAINS[domain] ?? `Domain${domain}`],
    );
  }
  return new RegoObject(entries);
}

function variantOf(byte: number): string {
  if ((byte & 0xc0) === 0x80) return "RFC4122";
  if ((byte & 0xe0) === 0xc0) return "Microsoft";
  return (byte & 0xe0) === 0xe0 ? "Future" : "Reserved";
}

function unixNs(bytes: Buffer): bigint {
  const time =
    BigInt(bytes.readUInt32BE(0)) |
    (BigInt(bytes.readUInt16BE(4)) << 32n) |
    (BigInt(bytes.readUInt16BE(6) & 0xfff) << 48n);
  // Go counts them in 64 bits, whatever the year.
  return BigInt.asIntN(64, (time - EPOCH_OFFSET) * 100n);
}

function macVariables(byte: number): string {
  const scope = (byte & 0b10) === 0 ? "global" : "local";
  return `${scope}:${(byte & 0b01) === 0 ? "unicast" : "multicast"}`;
}
