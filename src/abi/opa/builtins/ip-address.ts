/** IP addresses and networks as Go's net package reads and writes them (https://pkg.go.dev/net#ParseCIDR). */

export interface Address {
  readonly value: bigint;
  /** 32 or 128. An IPv4 address in IPv6 form has 128 here. */
  readonly bits: 32 | 128;
}

export interface Network {
  /** The lowest address of it. */
  readonly base: bigint;
  readonly bits: 32 | 128;
  readonly prefix: number;
}

const OCTET = /^(?:0|[1-9][0-9]{0,2})$/;
const GROUP = /^[0-9a-fA-F]{1,4}$/;
const PREFIX = /^[0-9]{1,8}$/;
const MAPPED = 0xffffn << 32n;

export function parseAddress(text: string): Address | null {
  if (text.includes(":")) {
    const value = parseV6(text);
    return value === null ? null : { value, bits: 128 };
  }
  const value = parseV4(text);
  return value === null ? null : { value, bits: 32 };
}

function parseV4(text: string): bigint | null {
  const octets = text.split(".");
  if (octets.length !== 4 || !octets.every((octet) => OCTET.test(octet) && Number(octet) < 256)) return null;
  return octets.reduce((value, octet) => (value << 8n) | BigInt(octet), 0n);
}

function parseV6(text: string): bigint | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = groupsOf(halves[0]!);
  const tail = halves.length === 2 ? groupsOf(halves[1]!) : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  return [...head, ...new Array<number>(missing).fill(0), ...tail].reduce(
    (value, group) => (value << 16n) | BigInt(group),
    0n,
  );
}

/** The last 32 bits may be written like an IPv4 address. */
function groupsOf(text: string): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (i === parts.length - 1 && part.includes(".")) {
      const v4 = parseV4(part);
      if (v4 === null) return null;
      groups.push(Number(v4 >> 16n), Number(v4 & 0xffffn));
    } else if (GROUP.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return null;
    }
  }
  return groups;
}

export function parseNetwork(text: string): Network | null {
  const slash = text.indexOf("/");
  if (slash < 0) return null;
  const address = parseAddress(text.slice(0, slash));
  const digits = text.slice(slash + 1);
  if (address === null || !PREFIX.test(digits)) return null;
  const prefix = Number(digits);
  if (prefix > address.bits) return null;
  return { base: lowest(address.value, address.bits, prefix), bits: address.bits, prefix };
}

function lowest(value: bigint, bits: number, prefix: number): bigint {
  const host = BigInt(bits - prefix);
  return (value >> host) << host;
}

export function lastOf({ base, bits, prefix }: Network): bigint {
  return base | ((1n << BigInt(bits - prefix)) - 1n);
}

/** Go takes an IPv4 address in IPv6 form for the IPv4 address, in a network as well. */
export function contains(network: Network, address: Address): boolean {
  const v4 = toV4(address);
  const v4Base = toV4({ value: network.base, bits: network.bits });
  if (v4 === null || v4Base === null) {
    return v4 === v4Base && lowest(address.value, 128, network.prefix) === network.base;
  }
  const prefix = network.bits === 32 ? network.prefix : network.prefix - 96;
  return lowest(v4, 32, prefix) === v4Base;
}

function toV4({ value, bits }: Address): bigint | null {
  if (bits === 32) return value;
  return value >> 32n === 0xffffn ? value & 0xffffffffn : null;
}

export function formatNetwork({ base, bits, prefix }: Network): string {
  return `${formatAddress({ value: base, bits })}/${prefix}`;
}

/** RFC 5952; mapped addresses as IPv4. */
export function formatAddress(address: Address): string {
  const v4 = toV4(address);
  if (v4 !== null) return [24n, 16n, 8n, 0n].map((shift) => (v4 >> shift) & 0xffn).join(".");
  const groups = Array.from({ length: 8 }, (_, i) =>
    Number((address.value >> BigInt(112 - 16 * i)) & 0xffffn),
  );
  const { start, length } = longestZeroRun(groups);
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(":");
  if (length < 2) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

/** All addresses in one order, IPv4 as mapped ones. */
export function asV6({ value, bits }: Address): bigint {
  return bits === 32 ? MAPPED | value : value;
}
