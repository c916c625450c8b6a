/** The life of a serving process: start, say so, wait for a signal, stop. */

import type { EventObserver } from "../event/observer.ts";
import type { Log } from "../telemetry/log.ts";
import { FdStore } from "../os/fd-store.ts";
import { IS_CONTAINER_INIT } from "../os/hold-signals.ts";
import { SdNotify } from "../os/sd-notify.ts";
import { inheritedListenFd, storedDescriptors } from "../transport/uds/inherited-socket.ts";
import { Agent } from "./agent.ts";
import { AgentMetrics } from "./agent-metrics.ts";
import { restartForCheapInstances, wantsCheapInstances } from "../os/second-start.ts";
import { ReloadTriggers } from "./reload-triggers.ts";
import type { Settings } from "./settings.ts";
import { StopRequest } from "./stop-request.ts";

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
  log: Log,
  openObserver: () => EventObserver | null = () => null,
): Promise<number> {
  if (wantsCheapInstances(settings)) {
    restartForCheapInstances(inheritedListenFd(process.env, process.pid) !== null);
  }
  const observer = openObserver();
  const systemd = new SdNotify({ address: process.env["NOTIFY_SOCKET"], log });
  const stop = new StopRequest(log);
  const reloads = new ReloadTriggers(log, systemd);
  if (IS_CONTAINER_INIT) stop.listen();
  const inheritedFd = inheritedListenFd(process.env, process.pid);
  const stored = storedDescriptors(process.env, process.pid);
  const agent = await Agent.start({
    settings,
    log,
    metrics: new AgentMetrics(settings, log),
    inheritedFd,
    store: inheritedFd === null ? null : openStore(log, stored.length),
    stored,
    observer,
    onGuestLoaded: () => stop.listen(),
    onSuperseded: () => stop.request("another agent took over the socket"),
    isStopping: () => stop.isStopping,
  });
  reloads.watch(settings);
  log.info("ready", agent.describe());
  systemd.ready();
  reloads.serve(agent);
  await stop.requested;
  reloads.close();
  systemd.stopping();
  await agent.stop();
  return EXIT_OK;
}

/** The service manager says how much it keeps since version 254; the packaged unit says it for older ones. */
function openStore(log: Log, storedCount: number): FdStore | null {
  const { NOTIFY_SOCKET, FDSTORE } = process.env;
  return FdStore.open({ address: NOTIFY_SOCKET, capacity: FDSTORE ?? String(storedCount), log });
}
