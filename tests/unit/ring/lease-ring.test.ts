/** Exchanges of stateful guests: where their events go, what ends them, and what a lost instance costs. */

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { EndReason } from "../../../src/exchange/end-reason.ts";
import type { GuestContext, StatefulFactory, StatefulGuest } from "../../../src/abi/contract.ts";
import type { ProxyEvent } from "../../../src/event/event.ts";
import { EventFailure } from "../../../src/event/failure.ts";
import { PLAIN_ALLOW, type Verdict } from "../../../src/event/verdict.ts";
import { Exchange } from "../../../src/exchange/exchange.ts";
import { makeGrantSettings, openGrants } from "../../../src/host/grants.ts";
import { LeaseRing } from "../../../src/ring/lease-ring.ts";
import { PerExchangeFactory } from "../../../src/ring/per-exchange-guest.ts";
import type { DispatchMode } from "../../../src/ring/ring.ts";
import type { RingJob } from "../../../src/ring/ring-job.ts";
import type { SlotSettings } from "../../../src/ring/slot-settings.ts";
import { ModuleMetrics } from "../../../src/telemetry/metrics/module-metrics.ts";
import type { GuestName } from "../../guests/guest-list.ts";
import { guestPath } from "../../guests/guest-path.ts";
import { sampleRequest, sampleResponse } from "../../support/neutral-events.ts";
import { jsonRecipe, prepareStateless } from "../../support/prepare-stateless.ts";
import { RecordedLog } from "../../support/recorded-log.ts";
import { slotSettings, TEST_LIMITS } from "../../support/slot-settings.ts";

/** Threads are started here, on a machine that may be busy. */
setDefaultTimeout(60_000);

const opened: LeaseRing[] = [];
afterEach(() => {
  for (const ring of opened.splice(0)) ring.close();
});

interface OpenOptions {
  readonly size?: number;
  readonly dispatch?: DispatchMode;
  readonly settings?: Partial<SlotSettings>;
  readonly takesSingleEvents?: boolean;
  /** Stands between the ring and the real guests. */
  readonly around?: (factory: StatefulFactory) => StatefulFactory;
}

async function open(guest: GuestName, options: OpenOptions = {}): Promise<LeaseRing> {
  const recipe = jsonRecipe(await Bun.file(guestPath(guest)).bytes(), TEST_LIMITS);
  const factory = new PerExchangeFactory((await prepareStateless(recipe)).factory);
  const ring = new LeaseRing({
    factory: options.around?.(factory) ?? factory,
    recipe,
    size: options.size ?? 1,
    dispatch: options.dispatch ?? "inline",
    settings: slotSettings(options.settings),
    configJson: null,
    grants: openGrants(makeGrantSettings()),
    log: new RecordedLog(),
    metrics: new ModuleMetrics(),
    takesSingleEvents: options.takesSingleEvents ?? false,
  });
  opened.push(ring);
  return ring;
}

class Job implements RingJob {
  readonly isCancelled = false;
  readonly event: ProxyEvent;
  readonly exchange: Exchange | null;
  readonly outcome: Promise<Verdict | EventFailure>;
  readonly #resolve: (outcome: Verdict | EventFailure) => void;
  isSettled = false;

  constructor(event: ProxyEvent, exchange: Exchange | null) {
    this.event = event;
    this.exchange = exchange;
    const { promise, resolve } = Promise.withResolvers<Verdict | EventFailure>();
    this.outcome = promise;
    this.#resolve = resolve;
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
    this.#resolve(outcome);
  }
}

const newExchange = () => new Exchange("id", null, 0);

function begin(ring: LeaseRing, exchange: Exchange | null = newExchange(), uri = "/"): Job {
  const job = new Job(sampleRequest({ uri }), exchange);
  ring.submit(job);
  return job;
}

function goOn(exchange: Exchange): Job {
  const job = new Job(sampleResponse(), exchange);
  exchange.lease!.submit(job);
  return job;
}

async function wordOf(job: Job): Promise<string> {
  const outcome = await job.outcome;
  if (outcome instanceof EventFailure) return outcome.code;
  return outcome.audit.tags.join(",") || outcome.decision.kind;
}

/** Until an exchange that starts goes to a thread. */
async function untilThreadsRun(ring: LeaseRing, count = 1): Promise<void> {
  while (ring.readyThreads < count) await Bun.sleep(5);
}

describe.each(["inline", "workers"] as const)("an exchange (%s)", (dispatch) => {
  test("has all of its events in one instance, and no other exchange has any there", async () => {
    const ring = await open("counter", { dispatch, size: 2, settings: { isFreshPerRequest: true } });
    if (dispatch === "workers") await untilThreadsRun(ring, 2);
    const exchanges = Array.from({ length: 6 }, newExchange);
    const words: string[][] = [];
    for (const exchange of exchanges) {
      const first = await wordOf(begin(ring, exchange));
      words.push([first, await wordOf(goOn(exchange)), await wordOf(goOn(exchange))]);
    }
    expect(words).toEqual(exchanges.map(() => ["n-1", "n-2", "n-3"]));
    for (const exchange of exchanges) exchange.lease!.end("finished");
  });

  test("that ended answers its later events with a failure of its own", async () => {
    const ring = await open("counter", { dispatch });
    if (dispatch === "workers") await untilThreadsRun(ring);
    const exchange = newExchange();
    await begin(ring, exchange).outcome;
    exchange.lease!.end("idle");
    expect(await wordOf(goOn(exchange))).toBe("exchange-lost");
  });

  test("whose instance broke fails from then on, and a new one has a new instance", async () => {
    const ring = await open("trap-on-marker", { dispatch });
    if (dispatch === "workers") await untilThreadsRun(ring);
    const broken = newExchange();
    expect(await wordOf(begin(ring, broken, "/boom"))).toBe("guest-trap");
    expect(await wordOf(goOn(broken))).toBe("exchange-lost");
    const next = newExchange();
    expect(await wordOf(begin(ring, next))).toBe("allow");
    expect(await wordOf(goOn(next))).toBe("allow");
  });

  test("that began before the ring was closed goes on to its end", async () => {
    const ring = await open("counter", { dispatch });
    if (dispatch === "workers") await untilThreadsRun(ring);
    const exchange = newExchange();
    await begin(ring, exchange).outcome;
    ring.close();
    expect(await wordOf(goOn(exchange))).toBe("n-2");
    exchange.lease!.end("finished");
    await ring.ended;
  });

  test("that nobody keeps is one event long", async () => {
    const ring = await open("counter", {
      dispatch,
      takesSingleEvents: true,
      settings: { isFreshPerRequest: true },
    });
    if (dispatch === "workers") await untilThreadsRun(ring);
    for (let i = 0; i < 3; i++) expect(await wordOf(begin(ring, null))).toBe("n-1");
  });
});

describe("instances that serve one exchange at a time", () => {
  test("are made on demand, and used again", async () => {
    let made = 0;
    const ring = await open("counter", {
      around: (factory) => ({
        ...factory,
        instantiate: (host) => {
          made++;
          return factory.instantiate(host);
        },
      }),
    });
    const three = [newExchange(), newExchange(), newExchange()];
    for (const exchange of three) expect(await wordOf(begin(ring, exchange))).toBe("n-1");
    expect(made).toBe(3);
    for (const exchange of three) exchange.lease!.end("finished");
    const again = newExchange();
    expect(await wordOf(begin(ring, again))).toBe("n-2");
    expect(made).toBe(3);
  });

  test("are replaced after each exchange when the operator wants it so", async () => {
    const ring = await open("counter", { settings: { isFreshPerRequest: true } });
    for (let i = 0; i < 5; i++) {
      const exchange = newExchange();
      expect(await wordOf(begin(ring, exchange))).toBe("n-1");
      exchange.lease!.end("finished");
    }
  });
});

describe("a guest without state of its own", () => {
  test("keeps few instances for responses that never come, and a late one gets another", async () => {
    let made = 0;
    const ring = await open("counter", {
      takesSingleEvents: true,
      settings: { isFreshPerRequest: true },
      around: (factory) => ({
        ...factory,
        instantiate: (host) => {
          made++;
          return factory.instantiate(host);
        },
      }),
    });
    const exchanges = Array.from({ length: 40 }, newExchange);
    for (const exchange of exchanges) expect(await wordOf(begin(ring, exchange))).toBe("n-1");
    expect(exchanges.filter(({ lease }) => !lease!.isOver)).toHaveLength(16);
    expect(await wordOf(goOn(exchanges[0]!))).toBe("n-1");
    expect(await wordOf(goOn(exchanges[39]!))).toBe("n-2");
    expect(made).toBeLessThan(50);
  });
});

test("an exchange that outlives its lease does not hold the instance", async () => {
  const guests: WeakRef<StatefulGuest>[] = [];
  const ring = await open("counter", {
    settings: { isFreshPerRequest: true },
    around: (factory) => ({
      ...factory,
      abiName: factory.abiName,
      handles: factory.handles,
      warnings: factory.warnings,
      isStateful: true,
      sharesInstance: false,
      instantiate: (host) => {
        const guest = factory.instantiate(host);
        guests.push(new WeakRef(guest));
        return guest;
      },
    }),
  });
  const exchanges = Array.from({ length: 8 }, newExchange);
  for (const exchange of exchanges) {
    await begin(ring, exchange).outcome;
    exchange.lease!.end("evicted");
  }
  await Bun.sleep(1);
  Bun.gc(true);
  expect(guests.filter((guest) => guest.deref() === undefined).length).toBeGreaterThan(4);
  expect(exchanges.every(({ lease }) => lease!.isOver)).toBe(true);
});

/** Contexts of the test's own, beside a real instance. */
function withContexts(guest: StatefulGuest, open: () => GuestContext): StatefulGuest {
  return {
    isBroken: false,
    isDueForRecycling: false,
    memoryBytes: guest.memoryBytes,
    fuelUsed: null,
    configure: () => null,
    close: () => guest.close(),
    open,
  };
}

/** A guest that has done with an exchange after its first event. */
class BriefGuest implements GuestContext {
  calls = 0;
  ends = 0;

  get isDone(): boolean {
    return this.calls > 0;
  }

  call(): Verdict {
    this.calls++;
    return PLAIN_ALLOW;
  }

  end(): void {
    this.ends++;
  }
}

describe("an instance whose guest has done with an exchange", () => {
  async function openBrief(size: number) {
    const contexts: BriefGuest[] = [];
    let made = 0;
    const ring = await open("allow", {
      size,
      around: (factory) => ({
        ...factory,
        sharesInstance: false,
        instantiate: (host) => {
          made++;
          return withContexts(factory.instantiate(host), () => {
            const context = new BriefGuest();
            contexts.push(context);
            return context;
          });
        },
      }),
    });
    return { ring, contexts, made: () => made };
  }

  test("serves the next one, while later events of the first are still answered", async () => {
    const { ring, contexts, made } = await openBrief(1);
    const exchanges = [newExchange(), newExchange(), newExchange()];
    for (const exchange of exchanges) expect(await wordOf(begin(ring, exchange))).toBe("allow");
    expect(made()).toBe(1);
    for (const exchange of exchanges) expect(await wordOf(goOn(exchange))).toBe("allow");
    expect(contexts.map(({ calls }) => calls)).toEqual([2, 2, 2]);
    for (const exchange of exchanges) exchange.lease!.end("finished");
    expect(contexts.map(({ ends }) => ends)).toEqual([0, 0, 0]);
  });

  test("answers them also when the instance is closed meanwhile", async () => {
    const { ring } = await openBrief(1);
    const first = newExchange();
    await begin(ring, first).outcome;
    ring.close();
    expect(await wordOf(goOn(first))).toBe("allow");
    await ring.ended;
  });
});

/** A guest that answers when the test says so, beside a real instance. */
class PausingGuest implements GuestContext {
  readonly ends: EndReason[] = [];
  readonly answers: PromiseWithResolvers<Verdict>[] = [];

  call(): Promise<Verdict> {
    const answer = Promise.withResolvers<Verdict>();
    this.answers.push(answer);
    return answer.promise;
  }

  end(reason: EndReason): void {
    this.ends.push(reason);
  }
}

describe("a guest that pauses", () => {
  async function openPausing(timeoutMs = 1000) {
    const contexts: PausingGuest[] = [];
    const hosts: { onBroken?(): void }[] = [];
    const ring = await open("allow", {
      settings: { timeoutMs },
      around: (factory) => ({
        ...factory,
        sharesInstance: true,
        instantiate: (host): StatefulGuest => {
          hosts.push(host);
          return withContexts(factory.instantiate(host), () => {
            const context = new PausingGuest();
            contexts.push(context);
            return context;
          });
        },
      }),
    });
    return { ring, contexts, hosts };
  }

  test("is answered when it goes on, and others are served meanwhile", async () => {
    const { ring, contexts } = await openPausing();
    const [slow, quick] = [begin(ring), begin(ring)];
    contexts[1]!.answers[0]!.resolve(PLAIN_ALLOW);
    expect(await wordOf(quick)).toBe("allow");
    expect(slow.isSettled).toBe(false);
    contexts[0]!.answers[0]!.resolve(PLAIN_ALLOW);
    expect(await wordOf(slow)).toBe("allow");
  });

  test("may have several events of one exchange waiting", async () => {
    const { ring, contexts } = await openPausing();
    const exchange = newExchange();
    const first = begin(ring, exchange);
    const second = goOn(exchange);
    contexts[0]!.answers[1]!.resolve(PLAIN_ALLOW);
    expect(await wordOf(second)).toBe("allow");
    contexts[0]!.answers[0]!.reject(new EventFailure("guest-trap", "it broke"));
    expect(await wordOf(first)).toBe("guest-trap");
  });

  test("and never goes on is stopped at the deadline, and its context ends", async () => {
    const { ring, contexts } = await openPausing(20);
    const exchange = newExchange();
    expect(await wordOf(begin(ring, exchange))).toBe("guest-deadline");
    expect(contexts[0]!.ends).toEqual(["idle"]);
    expect(await wordOf(goOn(exchange))).toBe("exchange-lost");
  });

  test("fails when its exchange ends, and an answer after that is dropped", async () => {
    const { ring, contexts } = await openPausing();
    const exchange = newExchange();
    const job = begin(ring, exchange);
    exchange.lease!.end("superseded");
    expect(await wordOf(job)).toBe("exchange-lost");
    contexts[0]!.answers[0]!.resolve(PLAIN_ALLOW);
    await Bun.sleep(1);
  });

  test("fails when its instance breaks in a timer of its own, with all exchanges of the instance", async () => {
    const { ring, contexts, hosts } = await openPausing();
    const exchanges = [newExchange(), newExchange()];
    const jobs = exchanges.map((exchange) => begin(ring, exchange));
    hosts[0]!.onBroken?.();
    expect(await Promise.all(jobs.map(wordOf))).toEqual(["exchange-lost", "exchange-lost"]);
    expect(contexts.flatMap(({ ends }) => ends)).toEqual([]);
    const next = begin(ring);
    contexts.at(-1)!.answers[0]!.resolve(PLAIN_ALLOW);
    expect(await wordOf(next)).toBe("allow");
  });
});
