/** The life of a serving process: start, say so, wait for a signal, stop. */

import { type EventObserver, EventObservers } from "../event/observer.ts";
import { FdStore } from "../os/fd-store.ts";
import { IS_CONTAINER_INIT } from "../os/hold-signals.ts";
import { restartForCheapInstances, wantsCheapInstances } from "../os/second-start.ts";
import { unblockedWriter } from "../os/unblocked-writer.ts";
import { SdNotify } from "../os/sd-notify.ts";
import { AdminRoutes } from "../telemetry/admin/admin-routes.ts";
import { DecisionLog } from "../telemetry/decision-log.ts";
import type { AdjustableLog } from "../telemetry/log.ts";
import { LoopDelayMeter } from "../telemetry/metrics/loop-delay-meter.ts";
import { type PassedDescriptors, passedDescriptors } from "../transport/uds/inherited-socket.ts";
import { AdminEndpoint } from "./admin-endpoint.ts";
import { Agent } from "./agent.ts";
import { AgentAdmin } from "./agent-admin.ts";
import { AgentMetrics } from "./agent-metrics.ts";
import { MetricsFile } from "./metrics-file.ts";
import { ReloadTriggers } from "./reload-triggers.ts";
import type { Settings } from "./settings.ts";
import { StopRequest } from "./stop-request.ts";
import { Watchdog } from "./watchdog.ts";

const EXIT_OK = 0;

/**
 * Serves until SIGTERM or SIGINT; a second one ends the process at once, as does one that comes before the module is
 * ready.
 *
 * @param openObserver opens what is told of every event that was answered; null for nothing. Called once, by the
 *   process that serves, which may not be the one that was started
 * @returns the exit code
 * @throws ModuleError, SocketError when it cannot begin to serve
 */
export async function runAgent(
  settings: Settings,
  log: AdjustableLog,
  openObserver: () => EventObserver | null = () => null,
): Promise<number> {
  const passed = passedDescriptors(process.env, process.pid);
  if (wantsCheapInstances(settings)) {
    restartForCheapInstances(passed.agent !== null || passed.admin.length > 0);
  }
  await serve(settings, log, passed, openObserver());
  return EXIT_OK;
}

async function serve(
  settings: Settings,
  log: AdjustableLog,
  passed: PassedDescriptors,
  observer: EventObserver | null,
): Promise<void> {
  const systemd = new SdNotify({ address: process.env["NOTIFY_SOCKET"], log });
  const stop = new StopRequest(log);
  const reloads = new ReloadTriggers(log, systemd);
  const metrics = new AgentMetrics(settings, log);
  const observers = new EventObservers(observer === null ? [] : [observer]);
  const admin = new AgentAdmin({ settings, log, metrics, observers, reloads });
  const routes = new AdminRoutes(admin);
  if (IS_CONTAINER_INIT) stop.listen();
  using cleanUp = new DisposableStack();
  const endpoint = await AdminEndpoint.open({
    settings,
    log,
    inheritedFds: passed.admin,
    handle: (request, isRemote) => routes.answer(request, isRemote),
  });
  cleanUp.defer(() => endpoint.close());
  let agent: Agent | null = null;
  const decisions = openDecisionLog(settings, metrics, log, () => agent?.sha256 ?? "");
  if (decisions !== null) {
    observers.add(decisions);
    cleanUp.defer(() => decisions.close());
    process.on("SIGHUP", () => decisions.reopen());
  }
  agent = await Agent.start({
    settings,
    log,
    metrics,
    inheritedFd: passed.agent,
    store: passed.agent === null ? null : openStore(log, passed.stored.length),
    stored: passed.stored,
    observers,
    onGuestLoaded: () => stop.listen(),
    onSuperseded: () => stop.request("another agent took over the socket"),
    isStopping: () => stop.isStopping,
  });
  reloads.watch(settings);
  admin.serve(agent);
  await endpoint.claim();
  const loopDelay = new LoopDelayMeter(metrics.loop.loopDelay);
  cleanUp.defer(() => loopDelay.close());
  const watchdog = new Watchdog(systemd, process.env, process.pid);
  cleanUp.defer(() => watchdog.close());
  if (settings.metricsPath !== null) {
    const file = new MetricsFile({ path: settings.metricsPath, collect: () => admin.collectMetrics(), log });
    cleanUp.defer(() => file.close());
  }
  log.info("ready", agent.describe());
  systemd.ready();
  reloads.serve(agent);
  await stop.requested;
  admin.drain();
  reloads.close();
  systemd.stopping();
  await agent.stop();
}

/** Null when none is wanted. @throws InputError `decision-log-unwritable` */
function openDecisionLog(
  settings: Settings,
  metrics: AgentMetrics,
  log: AdjustableLog,
  moduleSha256: () => string,
): DecisionLog | null {
  const { decisionLogPath: path, decisionLogSample, recordRedact } = settings;
  if (path === null) return null;
  return DecisionLog.open({
    path,
    allowShare: decisionLogSample,
    redactedNames: recordRedact,
    moduleSha256,
    counters: metrics.decisions,
    writerTo: unblockedWriter,
    log,
  });
}

/** The service manager says how much it keeps since version 254; the packaged unit says it for older ones. */
function openStore(log: AdjustableLog, storedCount: number): FdStore | null {
  const { NOTIFY_SOCKET, FDSTORE } = process.env;
  return FdStore.open({ address: NOTIFY_SOCKET, capacity: FDSTORE ?? String(storedCount), log });
}
