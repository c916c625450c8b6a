/** The life of a serving process: start, say so, wait for a signal, stop. */

import type { EventObserver } from "../event/observer.ts";
import type { Log } from "../telemetry/log.ts";
import { SdNotify } from "../os/sd-notify.ts";
import { inheritedListenFd } from "../transport/uds/inherited-socket.ts";
import { SocketError } from "../transport/socket-error.ts";
import { ModuleError } from "../wasm/module-error.ts";
import { Agent } from "./agent.ts";
import { restartForCheapInstances, wantsCheapInstances } from "../os/second-start.ts";
import { ReloadTriggers } from "./reload-triggers.ts";
import type { Settings } from "./settings.ts";
import { StopRequest } from "./stop-request.ts";

const EXIT_OK = 0;
const EXIT_UNUSABLE = 2;

/**
 * Serves until SIGTERM or SIGINT; a second one ends the process at once.
 *
 * @param openObserver opens what is told of every event that was answered; null for nothing. Called once, by the
 *   process that serves, which may not be the one that was started
 * @returns the exit code. A module or socket path that cannot be used is one plain sentence on stderr, whatever the
 *   log format, and the code 2.
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
  const agent = await startAgent(settings, log, stop, observer);
  if (agent === null) return EXIT_UNUSABLE;
  log.info("ready", agent.describe());
  systemd.ready();
  reloads.serve(agent, settings);
  await stop.requested;
  reloads.close();
  systemd.stopping();
  await agent.stop();
  return EXIT_OK;
}

async function startAgent(
  settings: Settings,
  log: Log,
  stop: StopRequest,
  observer: EventObserver | null,
): Promise<Agent | null> {
  try {
    const inheritedFd = inheritedListenFd(process.env, process.pid);
    return await Agent.start({
      settings,
      log,
      inheritedFd,
      observer,
      onNameLost: () => stop.request("another agent took over the socket"),
    });
  } catch (error) {
    if (!(error instanceof ModuleError || error instanceof SocketError)) throw error;
    process.stderr.write(`sentinel-wasm-agent: ${error.message} (${error.code})\n`);
    return null;
  }
}
