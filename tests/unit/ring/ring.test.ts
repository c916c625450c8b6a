/** The choice between this thread and others, with guests that are cheap, heavy or endless. */

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { StatelessFactory } from "../../../src/abi/contract.ts";
import { jsonRecipe, prepareStateless } from "../../support/prepare-stateless.ts";
import type { HeadersEvent } from "../../../src/event/event.ts";
import { EventFailure } from "../../../src/event/failure.ts";
import type { Verdict } from "../../../src/event/verdict.ts";
import { type DispatchMode, Ring } from "../../../src/ring/ring.ts";
import type { RingJob } from "../../../src/ring/ring-job.ts";
import { ModuleError } from "../../../src/wasm/module-error.ts";
import { ModuleMetrics } from "../../../src/telemetry/metrics/module-metrics.ts";
import { ReadClock } from "../../../src/telemetry/metrics/read-clock.ts";
import { assembleWat } from "../../guests/assemble-guest.ts";
import type { GuestName } from "../../guests/guest-list.ts";
import { guestPath } from "../../guests/guest-path.ts";
import { guestWat } from "../../guests/guest-wat.ts";
import { costlyStart } from "../../support/costly-start.ts";
import { sampleRequest } from "../../support/neutral-events.ts";
import { RecordedLog } from "../../support/recorded-log.ts";
import { slotSettings, TEST_LIMITS } from "../../support/slot-settings.ts";

/** Threads are started here, on a machine that may be busy. */
setDefaultTimeout(60_000);

/** Enough for a heavy guest on a machine that has other things to do. */
const PATIENT_MS = 20_000;

const opened: Ring[] = [];
afterEach(() => {
  for (const ring of opened.splice(0)) ring.close();
});

interface OpenOptions {
  readonly size?: number;
  readonly dispatch?: DispatchMode;
  readonly timeoutMs?: number;
  /** Stands between the ring and the guests on this thread. */
  readonly around?: (factory: StatelessFactory) => StatelessFactory;
}

/** Traps when it is configured again, and answers with what it was asked. */
const CONFIGURED_ONCE = guestWat(`(memory (export "memory") 8)
(data (i32.const 64) "{\\"decision\\":\\"allow\\",\\"custom\\":{\\"input\\":")
(data (i32.const 128) "}}")
(global $isConfigured (mut i32) (i32.const 0))
(func (export "on_configure") (param i32 i32) (result i32)
  (if (global.get $isConfigured) (then (unreachable)))
  (global.set $isConfigured (i32.const 1))
  (i32.const 0))
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (local $start i32) (local $end i32)
  (local.set $start (i32.add (local.get $pointer) (local.get $length)))
  (call $reserve (i32.add (local.get $start) (i32.add (local.get $length) (i32.const 64))))
  (local.set $end (call $append (local.get $start) (i32.const 64) (i32.const 38)))
  (local.set $end (call $append (local.get $end) (local.get $pointer) (local.get $length)))
  (local.set $end (call $append (local.get $end) (i32.const 128) (i32.const 2)))
  (call $result (local.get $start) (i32.sub (local.get $end) (local.get $start))))`);

async function open(guest: GuestName | Uint8Array<ArrayBuffer>, options: OpenOptions = {}): Promise<Ring> {
  const bytes = typeof guest === "string" ? await Bun.file(guestPath(guest)).bytes() : guest;
  const recipe = jsonRecipe(bytes, TEST_LIMITS);
  const { factory } = await prepareStateless(recipe);
  const ring = new Ring({
    factory: options.around?.(factory) ?? factory,
    recipe,
    size: options.size ?? 2,
    dispatch: options.dispatch ?? "auto",
    settings: slotSettings({ timeoutMs: options.timeoutMs ?? 1000 }),
    configJson: null,
    log: new RecordedLog(),
    metrics: new ModuleMetrics(),
    clock: new ReadClock(),
  });
  opened.push(ring);
  return ring;
}

class Job implements RingJob {
  readonly event: HeadersEvent;
  readonly exchange = null;
  isCancelled = false;
  isSettled = false;
  readonly #outcome = Promise.withResolvers<Verdict | EventFailure>();

  constructor(uri: string) {
    this.event = sampleRequest({ uri });
  }

  get outcome(): Promise<Verdict | EventFailure> {
    return this.#outcome.promise;
  }

  succeed(verdict: Verdict): void {
    this.#settle(verdict);
  }

  fail(failure: EventFailure): void {
    this.#settle(failure);
  }

  #settle(outcome: Verdict | EventFailure): void {
    if (this.isSettled) throw new Error("a job was settled twice");
    this.isSettled = true;
    this.#outcome.resolve(outcome);
  }
}

function submit(ring: Ring, uri = "/"): Job {
  const job = new Job(uri);
  ring.submit(job);
  return job;
}

/** Until then, events are answered on this thread. */
async function untilThreadsRun(ring: Ring): Promise<void> {
  submit(ring);
  while (ring.readyThreads < ring.size) await Bun.sleep(5);
}

/**
 * Each source asks when the one before is answered. By how many others events were overtaken, as far as it is more
 * than a line of that length explains.
 */
async function overtakenEvents(
  ring: Ring,
  { askers, events }: { readonly askers: number; readonly events: number },
): Promise<number[]> {
  let answered = 0;
  const overtakenBy: number[] = [];
  const askOneByOne = async () => {
    for (let i = 0; i < events; i++) {
      const answeredBefore = answered;
      expect(codeOf(await submit(ring).outcome)).toBe("allow");
      const others = answered++ - answeredBefore;
      if (others >= 3 * askers) overtakenBy.push(others);
    }
  };
  await Promise.all(Array.from({ length: askers }, askOneByOne));
  return overtakenBy;
}

const codeOf = (outcome: Verdict | EventFailure): string =>
  outcome instanceof EventFailure ? outcome.code : outcome.decision.kind;

describe("a cheap guest", () => {
  test.each(["auto", "inline"] as const)("is asked before submit returns, in mode %s", async (dispatch) => {
    const ring = await open("allow", { dispatch });
    for (let i = 0; i < 100; i++) expect(submit(ring).isSettled).toBe(true);
  });
});

describe("a heavy guest", () => {
  test("moves to other threads, and several events are worked on at once", async () => {
    const ring = await open("compute-long", { size: 2, timeoutMs: PATIENT_MS });
    await submit(ring).outcome;
    const jobs = Array.from({ length: 6 }, () => submit(ring));
    expect(jobs.map((job) => job.isSettled)).toEqual(jobs.map(() => false));
    for (const job of jobs) expect(codeOf(await job.outcome)).toBe("allow");
  });

  test("stays where it is told to stay", async () => {
    const ring = await open("compute-long", { dispatch: "inline", timeoutMs: PATIENT_MS });
    expect(submit(ring).isSettled).toBe(true);
    expect(submit(ring).isSettled).toBe(true);
  });

  test("with a pool of one stays inline: strictly one call after the other", async () => {
    const ring = await open("compute-long", { size: 1, timeoutMs: PATIENT_MS });
    expect(submit(ring).isSettled).toBe(true);
  });
});

test("an endless call on this thread is stopped early and asked again on another, where it meets its deadline", async () => {
  const ring = await open("loop-on-marker", { timeoutMs: 300 });
  const job = submit(ring, "/boom");
  expect(job.isSettled).toBe(false);
  expect(codeOf(await job.outcome)).toBe("guest-deadline");
});

test("an event's time goes on while the first thread starts: it is not answered later than it should be", async () => {
  // Some 400 ms for a thread, on a machine that does nothing else.
  const text = guestWat(`${costlyStart(60_000_000)}
(func $handle (param i32 i32) (result i64) (loop $forever (br $forever)) (unreachable))`);
  const ring = await open(await assembleWat("costly-loop", text), { timeoutMs: 50 });
  // Where it was stopped is told, and not that it waited.
  expect(await submit(ring).outcome).toMatchObject({
    code: "guest-deadline",
    message: expect.stringMatching(
      /^the guest was stopped in .* after 2 ms, its time on the event loop's thread; the event's time was up before a thread could call the guest again$/,
    ),
  });
});

/** The guests on this thread take their time without being stopped. */
function slowedBy(delayMs: number): (factory: StatelessFactory) => StatelessFactory {
  return (factory) => ({
    ...factory,
    instantiate: (host) => {
      const guest = factory.instantiate(host);
      const call = guest.call.bind(guest);
      guest.call = (...parameters) => {
        const verdict = call(...parameters);
        Bun.sleepSync(delayMs);
        return verdict;
      };
      return guest;
    },
  });
}

test("a verdict that comes after its event's time is a missed deadline, and the next events go to threads", async () => {
  const ring = await open("constant", { timeoutMs: 20, around: slowedBy(30) });
  const late = await submit(ring).outcome;
  expect(late).toMatchObject({ code: "guest-deadline", message: expect.stringContaining("returned from") });
  while (ring.readyThreads < ring.size) await Bun.sleep(5);
  expect(codeOf(await submit(ring).outcome)).toBe("allow");
});

test("a call that is stopped when its event's time is up as well is not repeated", async () => {
  let calls = 0;
  const overrun = new EventFailure("guest-deadline", "stopped");
  const ring = await open("constant", {
    timeoutMs: 20,
    around: (factory) => ({
      ...factory,
      instantiate: (host) => {
        const guest = factory.instantiate(host);
        guest.call = () => {
          calls++;
          Bun.sleepSync(30);
          throw overrun;
        };
        return guest;
      },
    }),
  });
  expect(await submit(ring).outcome).toMatchObject({ message: expect.stringContaining("returned from") });
  expect(calls).toBe(1);
});

test("a verdict that takes longer than the budget of this thread, but not its event's time, counts", async () => {
  const ring = await open("constant", { around: slowedBy(15) });
  expect(codeOf(await submit(ring).outcome)).toBe("allow");
  expect(ring.readyThreads).toBe(0);
});

test("while no instance on this thread is sound and none can be made, other threads take over", async () => {
  let isFailing = false;
  const ring = await open("loop-on-marker", {
    size: 2,
    timeoutMs: 300,
    around: (factory) => ({
      ...factory,
      instantiate: (host) => {
        if (isFailing) throw new ModuleError("module-start-failed", "no memory left for it");
        return factory.instantiate(host);
      },
    }),
  });
  isFailing = true;
  const endless = [submit(ring, "/boom"), submit(ring, "/boom")];
  await untilThreadsRun(ring);
  await Promise.all(endless.map((job) => job.outcome));
  await untilThreadsRun(ring);
  // What an instance costs decides how soon a thread may make its next one, and a busy machine makes it cost more.
  let codes: readonly string[] = [];
  for (
    let tries = 0;
    (tries < 200 && !codes.every((code) => code === "allow")) || codes.length === 0;
    tries++
  ) {
    await Bun.sleep(5);
    const jobs = [1, 2, 3, 4].map(() => submit(ring));
    codes = await Promise.all(jobs.map(async (job) => codeOf(await job.outcome)));
  }
  expect(codes).toEqual(["allow", "allow", "allow", "allow"]);
});

test("while the first threads start, events that no instance on this thread can take wait for them", async () => {
  let isFailing = false;
  const around = (factory: StatelessFactory): StatelessFactory => ({
    ...factory,
    instantiate: (host) => {
      if (isFailing) throw new ModuleError("module-start-failed", "no memory left for it");
      return factory.instantiate(host);
    },
  });
  const ring = await open("trap-on-marker", { dispatch: "workers", around });
  isFailing = true;
  // The trap loses the instance, the second event finds that no other can be made, the third that none may be tried.
  const jobs = ["/boom", "/", "/"].map((uri) => submit(ring, uri));
  expect(ring.readyThreads).toBe(0);
  const outcomes = await Promise.all(jobs.map((job) => job.outcome));
  expect(outcomes.map(codeOf)).toEqual(["guest-trap", "guest-no-instance", "allow"]);
});

test("in mode workers, everything is asked on other threads once they run", async () => {
  const ring = await open("allow", { dispatch: "workers" });
  await untilThreadsRun(ring);
  const jobs = Array.from({ length: 20 }, () => submit(ring));
  expect(jobs.every((job) => job.isSettled)).toBe(false);
  for (const job of jobs) expect(codeOf(await job.outcome)).toBe("allow");
});

test("a configuration that comes while threads start reaches them, too", async () => {
  const ring = await open("configure-echo", { size: 2, dispatch: "workers" });
  await Bun.sleep(1);
  expect(ring.configure('{"mode":"strict"}')).toBeNull();
  await untilThreadsRun(ring);
  for (let i = 0; i < 10; i++) {
    expect(await submit(ring).outcome).toMatchObject({ audit: { tags: ['{"mode":"strict"}'] } });
  }
});

test("every event gets its own answer, also when a thread replaced its instance meanwhile", async () => {
  const module = await assembleWat("configured-once", CONFIGURED_ONCE);
  const ring = await open(module, { size: 1, dispatch: "workers", timeoutMs: PATIENT_MS });
  await untilThreadsRun(ring);
  for (let round = 0; round < 60; round++) {
    ring.configure(`{"round":${round}}`);
    // The news of the new instance crosses the events somewhere on their way.
    const spinUntilMs = performance.now() + (round % 20) / 10;
    while (performance.now() < spinUntilMs);
    const uris = [0, 1, 2].map((i) => `/${round}-${i}`);
    const outcomes = await Promise.all(uris.map((uri) => submit(ring, uri).outcome));
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome instanceof EventFailure) expect(outcome.code).toBe("guest-no-instance");
      else expect(outcome.audit.custom).toMatchObject({ input: { uri: uris[i]! } });
    }
  }
});

test("an event that has waited longer than a call may take is not asked any more", async () => {
  // Three thousand calls of a millisecond each, on two threads, and 200 ms to get through.
  const ring = await open("compute", { size: 2, timeoutMs: 200, dispatch: "workers" });
  await untilThreadsRun(ring);
  const outcomes = await Promise.all(Array.from({ length: 3000 }, () => submit(ring).outcome));
  expect(outcomes.map(codeOf)).toContain("allow");
  const late = outcomes.find((outcome) => codeOf(outcome) === "queue-timeout");
  expect((late as EventFailure).message).toMatch(
    /^the event waited \d+ ms for an instance; the module is too slow for this load, so raise --pool-size$/,
  );
});

test("a cancelled event is not run when it is next", async () => {
  const ring = await open("compute-long", { size: 2, dispatch: "workers", timeoutMs: PATIENT_MS });
  await untilThreadsRun(ring);
  const jobs = Array.from({ length: 7 }, () => submit(ring));
  // Two are worked on, two are next.
  for (const job of jobs.slice(4)) job.isCancelled = true;
  await Promise.all(jobs.slice(0, 4).map((job) => job.outcome));
  await submit(ring).outcome;
  expect(jobs.slice(4).map((job) => job.isSettled)).toEqual([false, false, false]);
});

test("an event behind an endless one is asked elsewhere as soon as another thread is free", async () => {
  const ring = await open("loop-on-marker", { size: 2, dispatch: "workers", timeoutMs: 3000 });
  await untilThreadsRun(ring);
  const endless = submit(ring, "/boom");
  const others = Array.from({ length: 20 }, () => submit(ring));
  for (const job of others) expect(codeOf(await job.outcome)).toBe("allow");
  expect(endless.isSettled).toBe(false);
});

test("behind an endless event one other is kept waiting for a moment, and no more", async () => {
  const ring = await open("loop-on-marker", { size: 2, dispatch: "workers", timeoutMs: 3000 });
  await untilThreadsRun(ring);
  const endless = submit(ring, "/boom");
  const overtakenBy = await overtakenEvents(ring, { askers: 4, events: 1000 });
  expect(overtakenBy.length).toBeLessThanOrEqual(1);
  expect(overtakenBy[0] ?? 0).toBeLessThan(2000);
  expect(endless.isSettled).toBe(false);
});

test("an event that goes back to the line from behind a long one keeps its place", async () => {
  const ring = await open("compute-long", { size: 1, dispatch: "workers", timeoutMs: PATIENT_MS });
  await untilThreadsRun(ring);
  const answered: string[] = [];
  const ask = async (uri: string) => {
    await submit(ring, uri).outcome;
    answered.push(uri);
  };
  await Promise.all(["/1", "/2", "/3", "/4"].map(ask));
  expect(answered).toEqual(["/1", "/2", "/3", "/4"]);
});

test("events next in line at a thread that loses its instance are asked all the same", async () => {
  const ring = await open("trap-on-marker", { size: 2, dispatch: "workers", timeoutMs: PATIENT_MS });
  await untilThreadsRun(ring);
  const jobs = Array.from({ length: 400 }, (_, i) => submit(ring, i % 50 === 0 ? "/boom" : "/"));
  const codes = await Promise.all(jobs.map(async (job) => codeOf(await job.outcome)));
  expect(codes.filter((code) => code === "guest-trap")).toHaveLength(8);
  expect(codes.filter((code) => code === "allow")).toHaveLength(392);
});

test("events next in line wait while a storm of traps has used up what may be spent on new instances", async () => {
  const ring = await open("trap-on-marker", { size: 2, dispatch: "workers", timeoutMs: PATIENT_MS });
  await untilThreadsRun(ring);
  const jobs = Array.from({ length: 1600 }, (_, i) => submit(ring, i % 2 === 0 ? "/boom" : "/"));
  const codes = await Promise.all(jobs.map(async (job) => codeOf(await job.outcome)));
  expect(codes.filter((code) => code === "guest-trap")).toHaveLength(800);
  expect(codes.filter((code) => code === "allow")).toHaveLength(800);
});

test("no event is lost between two threads that take each other's next ones over", async () => {
  const ring = await open("allow", { size: 2, dispatch: "workers", timeoutMs: PATIENT_MS });
  await untilThreadsRun(ring);
  const askOneByOne = async () => {
    for (let i = 0; i < 500; i++) expect(codeOf(await submit(ring).outcome)).toBe("allow");
  };
  await Promise.all([1, 2, 3, 4, 5, 6].map(askOneByOne));
});

test("with fewer threads, events next in line at one that goes are asked all the same", async () => {
  const ring = await open("compute", { size: 4, dispatch: "workers", timeoutMs: PATIENT_MS });
  await untilThreadsRun(ring);
  const jobs = Array.from({ length: 40 }, () => submit(ring));
  ring.resize(1);
  for (const job of jobs) expect(codeOf(await job.outcome)).toBe("allow");
});

test("the size is that of the last resize", async () => {
  const ring = await open("allow", { size: 3 });
  expect(ring.size).toBe(3);
  ring.resize(5);
  expect(ring.size).toBe(5);
});
