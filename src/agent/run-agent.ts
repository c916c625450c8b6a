/** The life of a serving process: start, say so, wait for a signal, stop. */

import type { EventObserver } from "../event/observer.ts";
import type { Log } from "../observe/log.ts";
import { SdNotify } from "../observe/sd-notify.ts";
import { inheritedListenFd } from "../socket/inherited-socket.ts";
import { SocketError } from "../socket/socket-error.ts";
import { ModuleError } from "../wasm/module-error.ts";
import { Agent } from "./agent.ts";
import { restartForCheapInstances } from "./cheap-instances.ts";
import { ReloadTriggers } from "./reload-triggers.ts";
import type { Settings } from "./settings.ts";
import { StopRequest } from "./stop-request.ts";

/** An instance for so few calls costs more by its memory's guards than bounds checks cost these calls (RATIONALE.md). */
const FEW_CALLS = 1000;
const EXIT_OK = 0;
const EXIT_UNUSABLE = 2;

/**
 * Serves until SIGTERM or SIGINT; a second one ends the process at once.
 *
 * @param observer is told of every event that was answered
 * @returns the exit code. A module or socket path that cannot be used is one plain sentence on stderr, whatever the
 *   log format, and the code 2.
 */
export async function runAgent(
  settings: Settings,
  log: Log,
  observer: EventObserver | null = null,
): Promise<number> {
  if (makesManyInstances(settings)) restartForCheapInstances();
  const systemd = new SdNotify({ address: process.env["NOTIFY_SOCKET"], log });
  const stop = new StopRequest(log);
  const agent = await startAgent(settings, log, stop, observer);
  if (agent === null) return EXIT_UNUSABLE;
  const reloads = new ReloadTriggers(agent, settings, log, systemd);
  log.info("ready", agent.describe());
  systemd.ready();
  await stop.requested;
  reloads.close();
  systemd.stopping();
  await agent.stop();
  return EXIT_OK;
}

function makesManyInstances({ isolation, recycleAfterCalls }: Settings): boolean {
  return isolation === "per-request" || (recycleAfterCalls > 0 && recycleAfterCalls <= FEW_CALLS);
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
