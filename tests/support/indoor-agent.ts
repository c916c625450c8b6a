/**
 * All rooms of the agent behind loopback connections: real protocols, dispatcher, ring and guest, no kernel socket and
 * no process. Guests run inline, so every answer is there when `send` returns.
 */

import { ProxyConfig } from "../../src/agent/proxy-config.ts";
import { Dispatcher } from "../../src/dispatch/dispatcher.ts";
import { ExchangeTable } from "../../src/exchange/exchange-table.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { LoopMetrics } from "../../src/telemetry/metrics/loop-metrics.ts";
import { ModuleMetrics } from "../../src/telemetry/metrics/module-metrics.ts";
import { FRAME_ERROR_CODES } from "../../src/transport/frame-error.ts";
import { SHARED_TRANSCODER } from "./shared-transcoder.ts";
import { chooseProtocol } from "../../src/protocol/choose-protocol.ts";
import type { RedirectEncoding } from "../../src/protocol/redirect-encoding.ts";
import { Ring } from "../../src/ring/ring.ts";
import { type Loopback, LoopbackLoop } from "./loopback.ts";
import { silentLog } from "./silent-log.ts";
import { jsonRecipe, prepareStateless } from "./prepare-stateless.ts";
import { slotSettings, TEST_LIMITS } from "./slot-settings.ts";

export interface IndoorAgentOptions {
  readonly failOpen?: boolean;
  readonly poolSize?: number;
  readonly redirectEncoding?: RedirectEncoding;
  readonly canonicalHeaderCase?: boolean;
  readonly timeoutMs?: number;
  readonly ignoreProxyConfig?: boolean;
  readonly log?: Log;
}

export interface IndoorAgent {
  readonly dispatcher: Dispatcher;
  readonly metrics: LoopMetrics;
  readonly moduleMetrics: ModuleMetrics;
  readonly ring: Ring;
  connect(): Loopback;
  close(): void;
}

/** `module` is a path or the bytes themselves. */
export async function openIndoorAgent(
  module: string | Uint8Array<ArrayBuffer>,
  options: IndoorAgentOptions = {},
): Promise<IndoorAgent> {
  const log = options.log ?? silentLog();
  const bytes = typeof module === "string" ? await Bun.file(module).bytes() : module;
  const recipe = jsonRecipe(bytes, TEST_LIMITS, options.canonicalHeaderCase);
  const { factory } = await prepareStateless(recipe);
  const metrics = new LoopMetrics(FRAME_ERROR_CODES);
  const moduleMetrics = new ModuleMetrics();
  const ring = new Ring({
    factory,
    recipe,
    size: options.poolSize ?? 1,
    dispatch: "inline",
    settings: slotSettings({ timeoutMs: options.timeoutMs ?? 1000 }),
    configJson: null,
    log,
    metrics: moduleMetrics,
    clock: metrics.clock,
  });
  const config = new ProxyConfig(
    {
      configureGuest: (json) => ring.configure(json),
      setFailOpen: (failOpen) => {
        dispatcher.failOpen = failOpen;
      },
      setPoolSize: (size) => ring.resize(size),
      setEvents: (kinds) => {
        dispatcher.subscribed = new Set(kinds);
      },
    },
    { isIgnored: options.ignoreProxyConfig ?? false, log },
  );
  const dispatcher = new Dispatcher(ring, {
    log,
    failOpen: options.failOpen ?? false,
    exchanges: new ExchangeTable({ maxExchanges: 16_384, timeoutMs: 60_000 }),
    configure: (block) => config.apply(block),
    metrics,
    moduleMetrics,
  });
  const loop = new LoopbackLoop(
    chooseProtocol({
      reader: () => SHARED_TRANSCODER,
      events: dispatcher,
      log,
      redirectEncoding: options.redirectEncoding ?? "auto",
      profile: () => ({
        version: "1.0.0",
        handles: factory.handles,
        acceptsConfig: options.ignoreProxyConfig !== true,
        poolSize: ring.size,
      }),
    }),
    log,
    { metrics },
  );
  return {
    dispatcher,
    metrics,
    moduleMetrics,
    ring,
    connect: () => loop.connect(),
    close: () => ring.close(),
  };
}
