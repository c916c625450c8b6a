/** One house for all tests of a `describe`, where no test changes what the others see. */

import { afterAll, beforeAll } from "bun:test";
import { House, type HouseOptions } from "./house.ts";
import type { InstalledProxy } from "./installed-proxies.ts";

/** Returns where to find it once the tests run. */
export function sharedHouse(proxy: InstalledProxy, options: () => Promise<HouseOptions>): () => House {
  let house: House | null = null;
  beforeAll(async () => {
    house = await House.open(proxy, await options());
  });
  afterAll(async () => {
    await house?.[Symbol.asyncDispose]();
  });
  return () => {
    if (house === null) throw new Error("the house is not open");
    return house;
  };
}
