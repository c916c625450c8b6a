import { describe, expect, test } from "bun:test";
import { EventFailure } from "../../../src/event/failure.ts";
import { guestPath } from "../../guests/guest-path.ts";
import { sampleRequest, sampleResponse } from "../../support/neutral-events.ts";
import { openGuest } from "../../support/open-guest.ts";
import { thrownBy } from "../metering/limited-guest.ts";

describe("the fuel that a call used", () => {
  test("is the same for the same event, however much was used before", async () => {
    const { instance } = await openGuest(guestPath("echo"));
    instance.call(sampleResponse(), 1000);
    const used = instance.fuelUsed ?? 0;
    expect(used).toBeGreaterThan(0);
    for (let i = 0; i < 1000; i++) {
      instance.call(sampleResponse(), 1000);
      expect(instance.fuelUsed).toBe(used);
    }
  });

  test("counts all the slices of a long call", async () => {
    const { instance } = await openGuest(guestPath("compute"));
    instance.call(sampleResponse(), 10_000);
    const short = instance.fuelUsed ?? 0;
    const long = (await openGuest(guestPath("compute-long"))).instance;
    long.call(sampleResponse(), 10_000);
    // Fifty times the rounds.
    expect((long.fuelUsed ?? 0) / short).toBeCloseTo(50, 0);
  });

  test("counts short slices by what they are", async () => {
    const { instance } = await openGuest(guestPath("compute"));
    instance.call(sampleResponse(), 10_000);
    const inWholeSlices = instance.fuelUsed ?? 0;
    instance.call(sampleResponse(), 60);
    expect((instance.fuelUsed ?? 0) / inWholeSlices).toBeCloseTo(1, 1);
  });

  test("is told of a call that was stopped, too", async () => {
    const { instance } = await openGuest(guestPath("loop"));
    expect(() => instance.call(sampleResponse(), 5)).toThrow(EventFailure);
    expect(instance.fuelUsed).toBeGreaterThan(100_000);
  });

  test("is none for an event without a handler", async () => {
    const { instance } = await openGuest(guestPath("only-request"));
    instance.call(sampleRequest(), 1000);
    expect(instance.fuelUsed).toBeGreaterThan(0);
    instance.call(sampleResponse(), 1000);
    expect(instance.fuelUsed).toBe(0);
  });

  test("is no part of a slice in the report of a trap without limits", async () => {
    const { instance } = await openGuest(guestPath("trap"), { limits: false });
    const failure = thrownBy(() => instance.call(sampleResponse(), 1000));
    expect((failure as EventFailure).details).toMatchObject({ fuel_slices: 0 });
  });

  test("is unknown without limits", async () => {
    const { instance } = await openGuest(guestPath("echo"), { limits: false });
    instance.call(sampleResponse(), 1000);
    expect(instance.fuelUsed).toBeNull();
  });
});
