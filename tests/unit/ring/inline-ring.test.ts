/** Slots on this thread, with real guests in them. */

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { StatelessFactory } from "../../../src/abi/contract.ts";
import { prepareStateless } from "../../support/prepare-stateless.ts";
import { EventFailure } from "../../../src/event/failure.ts";
import type { Verdict } from "../../../src/event/verdict.ts";
import { InlineRing, type InlineRingOptions } from "../../../src/ring/inline-ring.ts";
import type { SlotSettings } from "../../../src/ring/slot-settings.ts";
import type { GuestHost } from "../../../src/wasm/guest-host.ts";
import { LineRate } from "../../../src/wasm/imports/line-rate.ts";
import { ModuleError } from "../../../src/wasm/module-error.ts";
import { ModuleCounters } from "../../../src/telemetry/metrics/module-metrics.ts";
import { ReadClock } from "../../../src/telemetry/metrics/read-clock.ts";
import { assembleWat } from "../../guests/assemble-guest.ts";
import type { GuestName } from "../../guests/guest-list.ts";
import { guestPath } from "../../guests/guest-path.ts";
import { guestWat } from "../../guests/guest-wat.ts";
import { sampleRequest } from "../../support/neutral-events.ts";
import { RecordedLog } from "../../support/recorded-log.ts";
import { slotSettings, TEST_LIMITS } from "../../support/slot-settings.ts";

/** In a process that has run many tests before, an instance can cost a tenth of a second. */
setDefaultTimeout(60_000);

const TIMEOUT_MS = 1000;

const opened: InlineRing[] = [];
afterEach(() => {
  for (const ring of opened.splice(0)) ring.close();
});

interface OpenOptions {
  readonly size?: number;
  readonly settings?: Partial<SlotSettings>;
  readonly configJson?: string;
  readonly onRefill?: (isGood: boolean) => void;
  readonly isServing?: boolean;
  /** False does not wait until all instances are there. */
  readonly isFull?: boolean;
  /** Stands between the ring and the real guests. */
  readonly around?: (factory: StatelessFactory) => StatelessFactory;
}

async function open(guest: GuestName | Uint8Array<ArrayBuffer>, options: OpenOptions = {}) {
  const { factory } = await prepareStateless({
    moduleBytes: typeof guest === "string" ? await Bun.file(guestPath(guest)).bytes() : guest,
    limits: TEST_LIMITS,
    abi: { abi: "json", canonicalHeaderCase: false },
  });
  const log = new RecordedLog({ debugEnabled: true });
  const ringOptions: InlineRingOptions = {
    factory: options.around?.(factory) ?? factory,
    size: options.size ?? 1,
    firstIndex: 0,
    settings: slotSettings(options.settings),
    configJson: options.configJson ?? null,
    log,
    counters: new ModuleCounters(),
    clock: new ReadClock(),
    onRefill: options.onRefill ?? (() => {}),
    isServing: options.isServing ?? false,
  };
  const ring = new InlineRing(ringOptions);
  opened.push(ring);
  if (options.isFull !== false) await untilFull(ring, ringOptions.size);
  return { ring, log, factory };
}

function testHost(): GuestHost {
  const log = new RecordedLog();
  const { startTimeoutMs, reportedFunctions } = slotSettings();
  return { slot: 0, log, startTimeoutMs, isMuted: true, lineRate: new LineRate(), reportedFunctions };
}

/** Instances that stand by are made in the background. */
async function untilFull(ring: InlineRing, size: number): Promise<void> {
  const giveUpAtMs = performance.now() + 10_000;
  while (ring.idleCount < size && performance.now() < giveUpAtMs) await Bun.sleep(1);
  expect(ring.idleCount).toBe(size);
}

const ask = (ring: InlineRing, uri = "/"): Verdict | EventFailure =>
  ring.call(sampleRequest({ uri }), TIMEOUT_MS);

function tagsOf(outcome: Verdict | EventFailure): readonly string[] {
  if (outcome instanceof EventFailure) throw outcome;
  return outcome.audit.tags;
}

function codeOf(outcome: Verdict | EventFailure): string {
  return outcome instanceof EventFailure ? outcome.code : outcome.decision.kind;
}

/** Whatever timers the ring has set are due. */
const settled = () => Bun.sleep(30);

/** A factory that can be told to fail, and counts what it was asked for. */
function controlled() {
  const control = { isFailing: false, made: 0 };
  const around = (factory: StatelessFactory): StatelessFactory => ({
    ...factory,
    instantiate: (host) => {
      if (control.isFailing) throw new ModuleError("module-start-failed", "no memory left for it");
      control.made++;
      return factory.instantiate(host);
    },
  });
  return { control, around };
}

/** Instances that take at least so long to make. */
const slowly =
  (costMs: number) =>
  (factory: StatelessFactory): StatelessFactory => ({
    ...factory,
    instantiate: (host) => {
      const endsAtMs = performance.now() + costMs;
      while (performance.now() < endsAtMs);
      return factory.instantiate(host);
    },
  });

describe("asking", () => {
  test("keeps one warm instance busy", async () => {
    const { ring } = await open("counter", { size: 3 });
    expect([ask(ring), ask(ring), ask(ring)].map(tagsOf)).toEqual([["n-1"], ["n-2"], ["n-3"]]);
  });

  test("an error of content keeps the instance", async () => {
    const { control, around } = controlled();
    const { ring } = await open("unknown-decision", { around });
    for (let i = 0; i < 5; i++) expect(codeOf(ask(ring))).toBe("guest-decision-unknown");
    expect(control.made).toBe(1);
  });
});

describe("instances that stand by", () => {
  /** How many are made before the ring can be asked. */
  async function madeAtFirst(costMs: number, options: OpenOptions): Promise<number> {
    const { ring } = await open("allow", { ...options, around: slowly(costMs), isFull: false });
    const made = ring.idleCount;
    ring.close();
    return made;
  }

  test("are made after the first, which can be asked meanwhile", async () => {
    const { control, around } = controlled();
    const { ring } = await open("allow", { size: 4, around, isFull: false });
    expect(codeOf(ask(ring))).toBe("allow");
    await untilFull(ring, 4);
    expect(control.made).toBe(4);
  });

  test("are not waited for when they are cheap", async () => {
    // Made before, so that they cost nothing now.
    const { factory } = await open("allow", { size: 1 });
    const made = Array.from({ length: 80 }, () => factory.instantiate(testHost()));
    const prepared = (real: StatelessFactory): StatelessFactory => ({
      ...real,
      instantiate: () => made.pop()!,
    });
    // A machine that pauses just then makes the first one look expensive.
    const tries: number[] = [];
    for (let i = 0; i < 20; i++) {
      const { ring } = await open("allow", { size: 4, around: prepared, isFull: false });
      tries.push(ring.idleCount);
      ring.close();
    }
    expect(Math.min(...tries)).toBe(1);
  });

  test("are all made at once when they are expensive, since nobody waits for an answer yet", async () => {
    expect(await madeAtFirst(8, { size: 4 })).toBe(4);
  });

  test("need not all be had, however expensive they are", async () => {
    let made = 0;
    const { ring } = await open("allow", {
      size: 4,
      isFull: false,
      around: (factory) => ({
        ...factory,
        instantiate: (host) => {
          if (++made > 2) throw new ModuleError("module-start-failed", "no memory left for it");
          return slowly(8)(factory).instantiate(host);
        },
      }),
    });
    expect(ring.idleCount).toBe(2);
  });

  test("are made one at a time, however expensive, when others are answered meanwhile", async () => {
    expect(await madeAtFirst(8, { size: 4, isServing: true })).toBe(1);
  });

  test("are tried again when they could not be made", async () => {
    const { control, around } = controlled();
    const failingAfterFirst = (factory: StatelessFactory): StatelessFactory => ({
      ...factory,
      instantiate: (host) => {
        const instance = around(factory).instantiate(host);
        if (control.made === 1) control.isFailing = true;
        return instance;
      },
    });
    const { ring, log } = await open("allow", {
      size: 3,
      around: failingAfterFirst,
      isServing: true,
      isFull: false,
    });
    const message = "a spare instance could not be made; it is tried again and again";
    const complaints = () => log.lines.filter((line) => line.message === message);
    while (complaints().length < 3) await Bun.sleep(5);
    expect(complaints()[0]).toEqual({
      level: "error",
      message,
      fields: { size: 1, pool_size: 3, reason: "no memory left for it" },
    });
    expect(complaints()[1]).toMatchObject({ level: "debug" });
    expect(codeOf(ask(ring))).toBe("allow");
    control.isFailing = false;
    await untilFull(ring, 3);
  });
});

describe("a guest that breaks", () => {
  test("loses its instance, and the next event is served by another", async () => {
    const { ring } = await open("trap-on-marker", { size: 2 });
    expect(codeOf(ask(ring, "/boom"))).toBe("guest-trap");
    expect(ring.idleCount).toBe(1);
    expect(codeOf(ask(ring))).toBe("allow");
  });

  test("is refilled in the background", async () => {
    let refills = 0;
    const { ring } = await open("trap-on-marker", { size: 2, onRefill: () => refills++ });
    ask(ring, "/boom");
    ask(ring, "/boom");
    expect(ring.idleCount).toBe(0);
    await untilFull(ring, 2);
    expect(refills).toBe(2);
  });

  test("is refilled by the next event when that comes first", async () => {
    const { control, around } = controlled();
    const { ring } = await open("trap-on-marker", { around });
    expect(codeOf(ask(ring, "/boom"))).toBe("guest-trap");
    expect(codeOf(ask(ring))).toBe("allow");
    expect(control.made).toBe(2);
  });

  test("starts afresh: nothing of the broken instance is left", async () => {
    const { ring } = await open("counter", { settings: { recycleAfterCalls: 3 } });
    expect(Array.from({ length: 5 }, () => tagsOf(ask(ring))[0])).toEqual([
      "n-1",
      "n-2",
      "n-3",
      "n-1",
      "n-2",
    ]);
  });
});

describe("an instance that cannot be made", () => {
  test("fails the event that found no other, and is tried again later", async () => {
    const { control, around } = controlled();
    const { ring, log } = await open("trap-on-marker", { around });
    control.isFailing = true;
    ask(ring, "/boom");
    const outcome = ask(ring);
    expect(outcome).toMatchObject({
      code: "guest-no-instance",
      message: "a fresh instance could not be made: no memory left for it",
    });
    // The pause runs: nobody tries in vain.
    expect(ask(ring)).toMatchObject({
      code: "guest-no-instance",
      message: "no instance of the module is healthy; new ones are being made",
    });
    expect(log.lines).toContainEqual({
      level: "error",
      message: "a fresh instance could not be made",
      fields: { slot: 0, reason: "no memory left for it" },
    });
    control.isFailing = false;
    await Bun.sleep(60);
    expect(codeOf(ask(ring))).toBe("allow");
  });

  test("at the start is an error for whoever starts", async () => {
    const { control, around } = controlled();
    control.isFailing = true;
    expect(open("allow", { around })).rejects.toThrow(ModuleError);
  });
});

describe("recycling", () => {
  test("replaces an instance whose memory has grown too far", async () => {
    const pages = 64 * 1024;
    const { ring } = await open("memory-growth", { settings: { recycleMemoryBytes: 5 * pages } });
    const seen = Array.from({ length: 8 }, () => tagsOf(ask(ring))[0]);
    expect(new Set(seen).size).toBeLessThan(seen.length);
    expect(seen[0]).toBe("n-3");
    expect(seen.filter((tag) => tag === "n-3").length).toBeGreaterThan(1);
  });

  test("gives every request a fresh instance when asked to", async () => {
    const { ring } = await open("counter", { settings: { isFreshPerRequest: true } });
    expect(Array.from({ length: 4 }, () => tagsOf(ask(ring))[0])).toEqual(["n-1", "n-1", "n-1", "n-1"]);
  });
});

describe("a recycled slot", () => {
  test("is passed over while another instance is ready", async () => {
    const { control, around } = controlled();
    const { ring } = await open("counter", { size: 4, around, settings: { isFreshPerRequest: true } });
    for (let i = 0; i < 4; i++) expect(tagsOf(ask(ring))).toEqual(["n-1"]);
    expect(control.made).toBe(4);
    while (control.made < 8) await Bun.sleep(1);
  });
});

describe("the budget for new instances", () => {
  const COST_MS = 4;
  const LARGE_COST_MS = 20;
  /** So many large ones use up the credit of the start, and half of the time they take. */
  const MORE_THAN_CREDIT = 20;

  test.each([
    ["after every call", { recycleAfterCalls: 1 }],
    ["with every request", { isFreshPerRequest: true }],
  ])("is not used up by instances that are replaced %s", async (_when, settings) => {
    const { ring } = await open("trap-on-marker", { around: slowly(LARGE_COST_MS), settings });
    for (let i = 0; i < MORE_THAN_CREDIT; i++) expect(codeOf(ask(ring))).toBe("allow");
    expect(codeOf(ask(ring, "/boom"))).toBe("guest-trap");
    expect(codeOf(ask(ring))).toBe("allow");
  });

  test("bounds how often a guest that fills its memory is replaced", async () => {
    const { control, around } = controlled();
    const { ring } = await open("memory-growth", {
      settings: { recycleMemoryBytes: 3 * 64 * 1024 },
      around: (factory) => around(slowly(COST_MS)(factory)),
    });
    const startedAtMs = performance.now();
    for (let i = 0; i < 300; i++) expect(codeOf(ask(ring))).toBe("allow");
    const paidFor = (100 + (performance.now() - startedAtMs) * 0.5 + 300 * 0.01) / COST_MS;
    expect(control.made).toBeGreaterThan(1);
    expect(control.made).toBeLessThanOrEqual(paidFor + 2);
  });

  test("is shared by all slots: those that wait for it do not refill all at once", async () => {
    const { control, around } = controlled();
    const { ring } = await open("trap-on-marker", {
      size: 8,
      around: (factory) => around(slowly(LARGE_COST_MS)(factory)),
    });
    for (let traps = 0; ring.canCall && traps < 200; traps++) ask(ring, "/boom");
    expect(ring.canCall).toBe(false);
    const madeBefore = control.made;
    const startedAtMs = performance.now();
    await Bun.sleep(100);
    // A timer of each slot fires meanwhile; half of the time that passes pays for them, and the last may overdraw it.
    const paidFor = ((performance.now() - startedAtMs) * 0.5) / LARGE_COST_MS;
    expect(control.made - madeBefore).toBeLessThanOrEqual(paidFor + 1);
  });
});

describe("resizing", () => {
  test("grows in the background and shrinks at once", async () => {
    const { ring } = await open("allow", { size: 1 });
    ring.resize(4);
    expect(ring.idleCount).toBe(1);
    for (let waits = 0; ring.idleCount < 4 && waits < 100; waits++) await settled();
    expect(ring.idleCount).toBe(4);
    ring.resize(2);
    expect(ring.idleCount).toBe(2);
    expect(codeOf(ask(ring))).toBe("allow");
  });

  test("takes a broken slot away rather than a sound one", async () => {
    const { control, around } = controlled();
    const { ring } = await open("trap-on-marker", { size: 2, around });
    control.isFailing = true;
    ask(ring, "/boom");
    ring.resize(1);
    expect(codeOf(ask(ring))).toBe("allow");
  });

  test("while instances are still being made ends at the last size", async () => {
    const { control, around } = controlled();
    const { ring } = await open("allow", { size: 8, around, isServing: true, isFull: false });
    ring.resize(1);
    await Bun.sleep(100);
    expect([ring.idleCount, control.made]).toEqual([1, 1]);
    ring.resize(2);
    await untilFull(ring, 2);
  });

  test("a closed ring makes nothing any more", async () => {
    const { control, around } = controlled();
    const { ring } = await open("trap-on-marker", { size: 2, around });
    ask(ring, "/boom");
    ring.close();
    await settled();
    ring.resize(4);
    await settled();
    expect(control.made).toBe(2);
    expect(codeOf(ask(ring))).toBe("guest-no-instance");
  });

  test("a ring that is closed while instances are still being made makes no more", async () => {
    const { control, around } = controlled();
    const { ring } = await open("allow", { size: 8, around, isServing: true, isFull: false });
    ring.close();
    await Bun.sleep(150);
    expect(control.made).toBe(1);
  });
});

describe("configuration", () => {
  /** Refuses every configuration but its first. */
  async function configuredOnce(): Promise<string> {
    const echo = await Bun.file(join(import.meta.dir, "../../guests/configure-echo.wat")).text();
    const start = "(local $byte i32) (local $out i32)\n";
    expect(echo).toContain(start);
    return echo.replace(start, `${start}(if (global.get $end) (then (return (i32.const 1))))`);
  }

  const CONFIG = '{"list":["a"]}';

  test("reaches every instance, also those made later", async () => {
    const { ring } = await open("configure-echo", { size: 1, settings: { recycleAfterCalls: 2 } });
    expect(ring.configure(CONFIG)).toBeNull();
    for (let i = 0; i < 5; i++) expect(tagsOf(ask(ring))).toEqual([CONFIG]);
    ring.resize(3);
    await settled();
    expect(tagsOf(ask(ring))).toEqual([CONFIG]);
  });

  test("of the start reaches the first instance", async () => {
    const { ring } = await open("configure-echo", { configJson: CONFIG });
    expect(tagsOf(ask(ring))).toEqual([CONFIG]);
  });

  test("is tried on an instance of its own: a refusal changes nothing", async () => {
    const { control, around } = controlled();
    const { ring } = await open("configure-refuse", { size: 2, around });
    expect(ring.configure(CONFIG)).toMatchObject({
      code: "guest-configuration-refused",
      message: "the module's on_configure answered 7; 0 accepts",
    });
    expect(control.made).toBe(3);
    expect(ring.idleCount).toBe(2);
    expect(codeOf(ask(ring))).toBe("allow");
  });

  test.each([
    ["configure-trap", "guest-trap"],
    ["configure-loop", "guest-deadline"],
  ] as const)("%s refuses with %s and harms no slot", async (guest, code) => {
    const { ring } = await open(guest, { size: 2, settings: { startTimeoutMs: 50 } });
    expect(ring.configure(CONFIG)?.code).toBe(code);
    expect(ring.idleCount).toBe(2);
    expect(codeOf(ask(ring))).toBe("allow");
  });

  test("that takes long is given to one that serves at once, and those that stand by are replaced", async () => {
    let configured = 0;
    const { ring } = await open("configure-echo", {
      size: 8,
      around: (factory) => ({
        ...factory,
        instantiate: (host) => {
          const instance = factory.instantiate(host);
          const configure = instance.configure.bind(instance);
          instance.configure = (json, timeoutMs) => {
            const endsAtMs = performance.now() + 10;
            while (performance.now() < endsAtMs);
            configured++;
            return configure(json, timeoutMs);
          };
          return instance;
        },
      }),
    });
    expect(ring.configure(CONFIG)).toBeNull();
    // The one that tried it, and the one that is asked.
    expect(configured).toBe(2);
    expect(tagsOf(ask(ring))).toEqual([CONFIG]);
    while (configured < 9) await Bun.sleep(5);
    expect(tagsOf(ask(ring))).toEqual([CONFIG]);
  });

  test("that a live instance refuses, and a fresh one accepts, holds for all: the instance is replaced", async () => {
    const module = await assembleWat("configured-once", guestWat(await configuredOnce()));
    const { ring, log } = await open(module, { size: 2 });
    for (const config of ['{"v":1}', '{"v":2}', '{"v":3}']) {
      expect(ring.configure(config)).toBeNull();
      for (let i = 0; i < 4; i++) expect(tagsOf(ask(ring))).toEqual([config]);
    }
    expect(log.lines).toContainEqual({
      level: "warn",
      message: "an instance refuses the configuration that a fresh one accepted; it is replaced",
      fields: {
        slot: 0,
        code: "guest-configuration-refused",
        reason: "the module's on_configure answered 1; 0 accepts",
      },
    });
  });

  test("that no instance can be made for is refused", async () => {
    const { control, around } = controlled();
    const { ring } = await open("configure-accept", { around });
    control.isFailing = true;
    expect(ring.configure(CONFIG)).toMatchObject({
      code: "guest-no-instance",
      message: "no instance could be made to try it: no memory left for it",
    });
  });

  test("that the start refuses is an error for whoever starts", async () => {
    expect(open("configure-refuse", { configJson: CONFIG })).rejects.toThrow(EventFailure);
  });
});
