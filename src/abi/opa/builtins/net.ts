/** Sets of IP networks: `net.cidr_*`. */

import { RegoNumber } from "../values/rego-number.ts";
import { isArray, RegoObject, RegoSet, type RegoValue } from "../values/rego-value.ts";
import {
  assertWorkable,
  type BuiltinTable,
  type EvaluationContext,
  stringArgument,
  UndefinedResult,
} from "./builtin.ts";
import {
  type Address,
  asV6,
  contains,
  formatAddress,
  formatNetwork,
  lastOf,
  type Network,
  parseAddress,
  parseNetwork,
} from "./ip-address.ts";

/** A /16 has as many. */
const MAX_EXPANDED = 65_536;
const MAX_PAIRS = 250_000;
const MAX_MERGED = 20_000;
const UNITS_PER_ADDRESS = 2500;
const UNITS_PER_PAIR = 1000;

export const NET: BuiltinTable = {
  "net.cidr_is_valid": (args) => typeof args[0] === "string" && parseNetwork(args[0]) !== null,
  "net.cidr_expand": (args, context) => expand(networkOf(stringArgument(args, 0)), context),
  "net.cidr_contains_matches": (args, context) => containsMatches(args[0], args[1], context),
  "net.cidr_merge": (args, context) => merge(args[0], context),
};

function networkOf(text: string): Network {
  const network = parseNetwork(text);
  if (network === null) throw new UndefinedResult("invalid CIDR address");
  return network;
}

function expand(network: Network, context: EvaluationContext): RegoSet {
  const size = 2 ** (network.bits - network.prefix);
  assertWorkable(size, MAX_EXPANDED, "addresses of net.cidr_expand");
  context.charge(size * UNITS_PER_ADDRESS);
  const addresses: string[] = [];
  for (let value = network.base; value <= lastOf(network); value++) {
    addresses.push(formatAddress({ value, bits: network.bits }));
  }
  return new RegoSet(addresses);
}

interface Candidate {
  readonly text: string;
  readonly index: RegoValue;
}

function containsMatches(
  networks: RegoValue | undefined,
  members: RegoValue | undefined,
  context: EvaluationContext,
): RegoSet {
  const outerTexts = candidates(networks);
  if (outerTexts.length === 0) return new RegoSet();
  const innerTexts = candidates(members);
  if (innerTexts.length === 0) return new RegoSet();
  const pairs = outerTexts.length * innerTexts.length;
  assertWorkable(pairs, MAX_PAIRS, "pairs of net.cidr_contains_matches");
  context.charge(pairs * UNITS_PER_PAIR);
  const outer = outerTexts.map(({ text, index }) => ({ network: networkOf(text), index }));
  const inner = innerTexts.map(({ text, index }) => ({ range: rangeOf(text), index }));
  const matches: RegoValue[] = [];
  for (const { network, index } of outer) {
    for (const { range, index: innerIndex } of inner) {
      if (containsRange(network, range)) matches.push([index, innerIndex]);
    }
  }
  return new RegoSet(matches);
}

/** A string stands for itself; of a list or set each element counts, of which a list gives its first. */
function candidates(value: RegoValue | undefined): readonly Candidate[] {
  if (typeof value === "string") return [{ text: value, index: value }];
  if (isArray(value)) return value.map((item, i) => ({ text: textOf(item), index: RegoNumber.of(i) }));
  if (value instanceof RegoSet) return value.values().map((item) => ({ text: textOf(item), index: item }));
  if (value instanceof RegoObject) {
    return value.entries().map(([key, item]) => ({ text: textOf(item), index: key }));
  }
  throw new UndefinedResult("not a network or a collection of them");
}

function textOf(item: RegoValue): string {
  const text = isArray(item) ? item[0] : item;
  if (typeof text !== "string") throw new UndefinedResult("element must be string or non-empty array");
  return text;
}

type Range = Address | Network;

function rangeOf(text: string): Range {
  return parseAddress(text) ?? networkOf(text);
}

function containsRange(outer: Network, inner: Range): boolean {
  if ("value" in inner) return contains(outer, inner);
  if (outer.bits === 128 && inner.bits === 128 && isPlainV6(outer) && isPlainV6(inner)) {
    return outer.prefix <= inner.prefix && contains(outer, { value: inner.base, bits: 128 });
  }
  return (
    contains(outer, { value: inner.base, bits: inner.bits }) &&
    contains(outer, { value: lastOf(inner), bits: inner.bits })
  );
}

function isPlainV6({ base }: Network): boolean {
  return base >> 32n !== 0xffffn;
}

function merge(value: RegoValue | undefined, context: EvaluationContext): RegoSet {
  const items = value instanceof RegoSet ? value.values() : isArray(value) ? value : null;
  if (items === null) throw new UndefinedResult("operand must be an array or a set");
  assertWorkable(items.length, MAX_MERGED, "networks of net.cidr_merge");
  context.charge(items.length * UNITS_PER_PAIR);
  const ranges = items.map((item) => {
    if (typeof item !== "string") throw new UndefinedResult("element must be string");
    return spanOf(item);
  });
  return new RegoSet(mergeSpans(ranges).flatMap(networksOf));
}

interface Span {
  readonly first: bigint;
  readonly last: bigint;
  /** How it is written while it is not merged with another. */
  readonly text: string | null;
}

/** A bare IPv4 address gets the mask of its class, as Go's net.IP.DefaultMask says, and keeps its own bits. */
function spanOf(text: string): Span {
  const address = parseAddress(text);
  if (address === null) {
    const network = networkOf(text);
    return { ...rangeOfNetwork(network), text: formatNetwork(network) };
  }
  if (address.bits !== 32) throw new UndefinedResult("IPv6 invalid: needs prefix length");
  const first = Number(address.value >> 24n);
  const prefix = first < 128 ? 8 : first < 192 ? 16 : 24;
  const host = BigInt(32 - prefix);
  const network: Network = { base: (address.value >> host) << host, bits: 32, prefix };
  return { ...rangeOfNetwork(network), text: `${formatAddress(address)}/${prefix}` };
}

function rangeOfNetwork(network: Network): { first: bigint; last: bigint } {
  return {
    first: asV6({ value: network.base, bits: network.bits }),
    last: asV6({ value: lastOf(network), bits: network.bits }),
  };
}

function mergeSpans(spans: readonly Span[]): readonly Span[] {
  const sorted = [...spans].sort((a, b) => compare(a.last, b.last) || compare(a.first, b.first));
  const merged: Span[] = [];
  // From the last on: a span reaches back to those before it.
  for (const span of sorted.reverse()) {
    const later = merged.at(-1);
    if (later === undefined || before(later.first) > span.last) {
      merged.push(span);
    } else {
      const first = compare(span.first, later.first) < 0 ? span.first : later.first;
      merged[merged.length - 1] = { first, last: later.last, text: null };
    }
  }
  return merged;
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The address before it. The first of a family has none, and stands for itself. */
function before(address: bigint): bigint {
  return address === 0n || address === V4_FIRST ? address : address - 1n;
}

const V4_FIRST = 0xffffn << 32n;
const V4_LAST = V4_FIRST | 0xffffffffn;

function networksOf({ first, last, text }: Span): readonly string[] {
  if (text !== null) return [text];
  const isV4 = first >= V4_FIRST && last <= V4_LAST;
  const bits = isV4 ? 32 : 128;
  const texts: string[] = [];
  for (let start = first; start <= last; ) {
    let host = 0n;
    while (
      host < BigInt(bits) &&
      (start & ((1n << (host + 1n)) - 1n)) === 0n &&
      start + (1n << (host + 1n)) - 1n <= last
    ) {
      host++;
    }
    const base = isV4 ? start & 0xffffffffn : start;
    texts.push(formatNetwork({ base, bits, prefix: bits - Number(host) }));
    start += 1n << host;
  }
  return texts;
}
