/**
 * The ring of the author's commands: one instance on this thread, replaced when it broke. It stands behind the same
 * dispatcher as the rings that serve, so that verdicts are checked by the same rules.
 */

import type {
  GuestFactory,
  GuestInstance,
  StatefulGuest,
  StatefulHost,
  StatelessGuest,
} from "../abi/contract.ts";
import type { GuestRing } from "../dispatch/dispatcher.ts";
import type { EventKind } from "../event/event.ts";
import type { EventFailure } from "../event/failure.ts";
import { InputError } from "../event/input-error.ts";
import type { Verdict } from "../event/verdict.ts";
import { type Grants, makeGrantSettings, openGrants } from "../host/grants.ts";
import { CallMeter } from "../ring/call-meter.ts";
import { LeasedInstance } from "../ring/leased-instance.ts";
import { type RingJob, settle } from "../ring/ring-job.ts";
import { toFailure } from "../ring/to-failure.ts";
import { ModuleCounters } from "../telemetry/metrics/module-metrics.ts";
import { LineRate } from "../wasm/imports/line-rate.ts";
import type { GuestLines } from "./guest-lines.ts";
import type { GuestSettings } from "./guest-settings.ts";

export interface BenchRingOptions {
  readonly factory: GuestFactory;
  readonly settings: GuestSettings;
  /** What a proxy would configure the module with; null for nothing. */
  readonly configJson: string | null;
  readonly lines: GuestLines;
  /** A function that the guest called and was refused. Names are the guest's choice. */
  onRefusal(name: string): void;
}

export class BenchRing implements GuestRing {
  readonly leases: "none" | "required";
  readonly #options: BenchRingOptions;
  readonly #lineRate = new LineRate();
  readonly #reported = new Set<string>();
  readonly #grants: Grants;
  #slot: StatelessSlot | StatefulSlot;

  /** @throws ModuleError when no instance can be made, InputError when it refuses the configuration. */
  constructor(options: BenchRingOptions) {
    this.#options = options;
    this.#grants = openGrants(makeGrantSettings(options.settings.allowCallouts));
    this.leases = options.factory.isStateful ? "required" : "none";
    this.#slot = this.#makeSlot();
  }

  get handles(): ReadonlySet<EventKind> {
    return this.#options.factory.handles;
  }

  get wantsRequest(): boolean {
    return this.#slot instanceof StatelessSlot && this.#slot.guest.wantsRequest;
  }

  /** The one that was called last. */
  get instance(): GuestInstance {
    return this.#slot.guest;
  }

  /** @throws ModuleError, InputError as the constructor does. */
  replaceIfBroken(): void {
    if (this.#slot.guest.isBroken) this.#slot = this.#makeSlot();
  }

  submit(job: RingJob): void {
    this.#slot.submit(job);
  }

  #makeSlot(): StatelessSlot | StatefulSlot {
    const { factory, settings } = this.#options;
    return factory.isStateful
      ? new StatefulSlot(() => this.#start(factory), settings.timeoutMs, factory.sharesInstance)
      : new StatelessSlot(this.#start(factory), settings.timeoutMs);
  }

  #start<Guest extends GuestInstance>(factory: { instantiate(host: StatefulHost): Guest }): Guest {
    const { settings, configJson, lines, onRefusal } = this.#options;
    const guest = factory.instantiate({
      slot: 0,
      log: lines,
      startTimeoutMs: settings.startTimeoutMs,
      isMuted: false,
      lineRate: this.#lineRate,
      reportedFunctions: this.#reported,
      configJson,
      timeoutMs: settings.timeoutMs,
      grants: this.#grants,
      onRefusal,
    });
    const refusal = configJson === null ? null : guest.configure(configJson, settings.startTimeoutMs);
    if (refusal === null) return guest;
    guest.close();
    throw new InputError(
      "configuration-refused",
      `the module refuses the configuration: ${refusal.message}`,
      {
        cause: refusal,
      },
    );
  }
}

class StatelessSlot {
  readonly guest: StatelessGuest;
  readonly #timeoutMs: number;

  constructor(guest: StatelessGuest, timeoutMs: number) {
    this.guest = guest;
    this.#timeoutMs = timeoutMs;
  }

  submit(job: RingJob): void {
    settle(job, this.#call(job));
  }

  #call({ event }: RingJob): Verdict | EventFailure {
    try {
      return this.guest.call(event, this.#timeoutMs);
    } catch (error) {
      return toFailure(error);
    }
  }
}

/** Takes the first events of exchanges; the others go to the lease. */
class StatefulSlot {
  readonly #start: () => StatefulGuest;
  readonly #timeoutMs: number;
  readonly #sharesInstance: boolean;
  #guest: StatefulGuest;
  #leased: LeasedInstance;

  constructor(start: () => StatefulGuest, timeoutMs: number, sharesInstance: boolean) {
    this.#start = start;
    this.#timeoutMs = timeoutMs;
    this.#sharesInstance = sharesInstance;
    this.#guest = start();
    this.#leased = this.#lend(this.#guest);
  }

  get guest(): StatefulGuest {
    return this.#guest;
  }

  submit(job: RingJob): void {
    if (!this.#sharesInstance && this.#leased.leaseCount > 0) {
      this.#leased.retire();
      this.#guest = this.#start();
      this.#leased = this.#lend(this.#guest);
    }
    const lease = this.#leased.open();
    if (job.exchange !== null) job.exchange.lease = lease;
    lease.submit(job);
  }

  #lend(guest: StatefulGuest): LeasedInstance {
    return new LeasedInstance({
      index: 0,
      guest,
      timeoutMs: this.#timeoutMs,
      meter: new CallMeter(new ModuleCounters()),
      onCall: () => {},
      onFree: () => {},
    });
  }
}
