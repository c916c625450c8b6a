/**
 * The rewrite takes time in proportion to a module's size, whatever is in it: shapes that ask for a list, a nesting or
 * a search each. Sixteen times the module may take sixteen times the time, and far from 256 times.
 */

import { describe, expect, test } from "bun:test";
import { limitModule } from "../../src/wasm/metering/limit-module.ts";
import { readOutline } from "../../src/wasm/binary/module-outline.ts";
import { header, leb } from "../unit/metering/module-bytes.ts";
import { wideCaps } from "./module-build.ts";

const few = 20_000;
const factor = 16;
/** Half way, as powers go: memory that grows and a machine that is busy cost something, too. */
const mostTimes = factor ** 1.5;

const types = section(1, [1, 0x60, 0, 0]);
const oneFunction = section(3, [1, 0]);
const noCode = section(10, [1, 2, 0, 0x0b]);

const shapes: Readonly<Record<string, (count: number) => Buffer[]>> = {
  "blocks in each other": (count) => [types, oneFunction, body(repeated([0x02, 0x40], count), ends(count))],
  "loops in each other": (count) => [types, oneFunction, body(repeated([0x03, 0x40], count), ends(count))],
  "loops in a row": (count) => [types, oneFunction, body(repeated([0x03, 0x40, 0x0c, 0, 0x0b], count))],
  "labels of one branch": (count) => [
    types,
    oneFunction,
    body([0x41, 0, 0x0e], leb(count), repeated([0], count + 1)),
  ],
  calls: (count) => [types, oneFunction, body(repeated([0x10, 0], count))],
  functions: (count) => [
    types,
    section(3, leb(count), repeated([0], count)),
    section(10, leb(count), repeated([2, 0, 0x0b], count)),
  ],
  types: (count) => [section(1, leb(count), repeated([0x60, 0, 0], count))],
  "groups of types": (count) => [section(1, leb(count), repeated([0x4e, 1, 0x60, 0, 0], count))],
  // More of them are refused.
  exports: (count) => [
    types,
    oneFunction,
    section(7, leb(count >> 1), repeated([1, 97, 0, 0], count >> 1)),
    noCode,
  ],
  elements: (count) => [
    types,
    oneFunction,
    section(4, [1, 0x70, 0, 1]),
    section(9, leb(count), repeated([0, 0x41, 0, 0x0b, 1, 0], count)),
    noCode,
  ],
  "custom sections": (count) => [repeated([0, 1, 0], count)],
};

describe("sixteen times as many take no more than their share of time:", () => {
  for (const [name, make] of Object.entries(shapes)) {
    test(name, () => {
      const module = (count: number): Uint8Array<ArrayBuffer> =>
        new Uint8Array(Buffer.concat([Buffer.from(header), ...make(count)]));
      const [small, large] = [module(few), module(few * factor)];
      // The engine compiles the rewrite's own code while the first ones run.
      for (let i = 0; i < 3; i++) cpuMs(small);
      const once = Math.max(1, Math.min(...Array.from({ length: 5 }, () => cpuMs(small))));
      expect(Math.min(cpuMs(large), cpuMs(large)) / once).toBeLessThan(mostTimes);
    });
  }
});

function cpuMs(module: Uint8Array<ArrayBuffer>): number {
  const before = process.cpuUsage();
  limitModule(readOutline(module), { ...wideCaps, fuelPerSlice: 1000 });
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function repeated(bytes: readonly number[], count: number): Buffer {
  return Buffer.alloc(bytes.length * count, Buffer.from(bytes));
}

function ends(count: number): Buffer {
  return repeated([0x0b], count);
}

function section(id: number, ...content: (Buffer | readonly number[])[]): Buffer {
  const bytes = Buffer.concat(content.map((part) => Buffer.from(part)));
  return Buffer.concat([Buffer.from([id, ...leb(bytes.length)]), bytes]);
}

/** A code section with one function. */
function body(...code: (Buffer | readonly number[])[]): Buffer {
  const bytes = Buffer.concat([Buffer.of(0), ...code.map((part) => Buffer.from(part)), Buffer.of(0x0b)]);
  return section(10, [1], leb(bytes.length), bytes);
}
