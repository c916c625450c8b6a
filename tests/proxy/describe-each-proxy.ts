/** Runs a specification against every proxy this machine has, and says in the report which are missing. */

import { describe, test } from "bun:test";
import { findProxies, type InstalledProxy } from "./installed-proxies.ts";

export function describeEachProxy(title: string, specify: (proxy: InstalledProxy) => void): void {
  const { found, missing } = findProxies(process.env);
  for (const proxy of found) {
    describe(`${proxyName(proxy)}: ${title}`, () => specify(proxy));
  }
  for (const reason of missing) {
    test.skip(`${title} (not tried: ${reason})`, () => {});
  }
}

export function proxyName(proxy: InstalledProxy): string {
  return `${proxy.era} ${proxy.version} (${proxy.traits.protocol})`;
}
