/** Ways to spoil a payload: as JSON, as text, as bytes. */

import type { Random } from "./random.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const KEYS = [
  "__proto__",
  "constructor",
  "toString",
  "correlation_id",
  "metadata",
  "headers",
  "decision",
  "custom",
  "",
];
const VALUES: readonly Json[] = [
  null,
  true,
  -1,
  0,
  1.5,
  65_536,
  1e21,
  Number.MAX_SAFE_INTEGER,
  "",
  "allow",
  "block",
  "redirect",
  "\u0000\r\n",
  "\u2028\ufeff",
  "é☃😀",
  "x".repeat(300),
  [],
  [null],
  ["a", "b"],
  {},
  { toString: 1 },
];
const SPELLED_SHARE = 0.3;
/** Values in spellings that `JSON.stringify` has not. */
const SPELLINGS = ["1e999", "-0", "1.0", '"\\ud800"', '"\\u0000"', `${"[".repeat(150)}${"]".repeat(150)}`];
/** Stands for one of them until the text is written. */
const SPELLED = "\u0001spelled";
const FRAGMENTS = [...SPELLINGS, "[".repeat(200), '"decision":"block",', "{", "}", ",", "\\", "\ufeff", " "];
const MAX_CHANGES = 4;

export function mutateText(text: string, random: Random): Buffer {
  let bytes: Buffer = Buffer.from(text);
  for (let changes = 1 + random.below(MAX_CHANGES); changes > 0; changes--) {
    const choice = random.below(10);
    if (choice < 5) bytes = Buffer.from(mutateJson(bytes.toString(), random));
    else if (choice < 8) bytes = insertFragment(bytes, random);
    else bytes = mutateBytes(bytes, random);
  }
  return bytes;
}

function mutateJson(text: string, random: Random): string {
  try {
    const root = { root: JSON.parse(text) as Json };
    changeSomewhere(root, random);
    return JSON.stringify(root.root).replaceAll(JSON.stringify(SPELLED), () => random.pick(SPELLINGS));
  } catch {
    return text;
  }
}

/** Walks down at random and changes what it ends at. */
function changeSomewhere(root: { [key: string]: Json }, random: Random): void {
  let parent: Json[] | { [key: string]: Json } = root;
  let key = "root";
  for (;;) {
    const child: Json = (parent as { [key: string]: Json })[key]!;
    if (typeof child !== "object" || child === null || random.chance(0.2)) break;
    const keys = Object.keys(child);
    if (keys.length === 0) break;
    parent = child;
    key = random.pick(keys);
  }
  const target = parent as { [key: string]: Json };
  const value = random.chance(SPELLED_SHARE) ? SPELLED : random.pick(VALUES);
  const choice = random.below(4);
  if (choice === 0 && parent !== root) delete target[key];
  else if (choice === 1) define(target, random.pick(KEYS), value);
  else if (choice === 2) define(target, key, [structuredClone(target[key]!), value]);
  else define(target, key, value);
}

function define(target: { [key: string]: Json }, key: string, value: Json): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

function insertFragment(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  const replaced = random.chance(0.5) ? random.below(8) : 0;
  return Buffer.concat([
    bytes.subarray(0, at),
    Buffer.from(random.pick(FRAGMENTS)),
    bytes.subarray(at + replaced),
  ]);
}

function mutateBytes(bytes: Buffer, random: Random): Buffer {
  if (bytes.length === 0) return Buffer.of(random.below(256));
  const at = random.below(bytes.length);
  switch (random.below(4)) {
    case 0: {
      const changed = Buffer.from(bytes);
      changed[at] = random.below(256);
      return changed;
    }
    case 1:
      return bytes.subarray(0, at);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(16))]);
    default: {
      const end = Math.min(bytes.length, at + 1 + random.below(64));
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    }
  }
}
