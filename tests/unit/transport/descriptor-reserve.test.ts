import { describe, expect, test } from "bun:test";
import { descriptorLimit, readDescriptorLimit } from "../../../src/os/descriptor-limit.ts";
import { DescriptorReserve } from "../../../src/transport/uds/descriptor-reserve.ts";

describe("of the descriptors that a process may have", () => {
  test.each([
    [1024, 992],
    [524_288, 524_256],
    // A quarter of a low limit.
    [64, 48],
    [10, 8],
  ])("of %d, those from %d on are reserved", (limit, first) => {
    const reserve = new DescriptorReserve(limit);
    expect([reserve.isReserved(first - 1), reserve.isReserved(first)]).toEqual([false, true]);
  });

  test("none is reserved where the limit is not known", () => {
    expect(new DescriptorReserve(Number.POSITIVE_INFINITY).isReserved(1_000_000)).toBe(false);
  });
});

describe("the limit", () => {
  test("is the soft one of the listing", () => {
    const listing =
      "Limit   Soft Limit   Hard Limit   Units\nMax open files            1024                 524288  files\n";
    expect(readDescriptorLimit(listing)).toBe(1024);
  });

  test("is not known from a listing without it, or when there is none", () => {
    expect(
      readDescriptorLimit("Max open files            unlimited            unlimited            files"),
    ).toBe(Number.POSITIVE_INFINITY);
    expect(readDescriptorLimit("")).toBe(Number.POSITIVE_INFINITY);
  });

  test.if(process.platform === "linux")("of this process is known", () => {
    expect(descriptorLimit()).toBeGreaterThan(0);
  });
});
