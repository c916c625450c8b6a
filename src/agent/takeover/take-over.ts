/** How a new agent gets the socket and the connections of the one that runs, if that one can hand them over. */

import type { TakeoverFacts } from "../../event/observer.ts";
import type { Log } from "../../telemetry/log.ts";
import { Listener, type ListenerOptions } from "../../transport/uds/listener.ts";
import { SocketError } from "../../transport/socket-error.ts";
import type { AgentState } from "./agent-state.ts";
import { HandoverClient } from "./handover-client.ts";

/** The new agent, as far as a take-over needs it. */
export interface TakeoverTarget {
  readonly log: Log;
  /** Applies what the proxy has configured. The same again changes nothing. @throws ModuleError */
  applyProxyConfig(state: AgentState): void;
  /** Goes on where the state ends. Called once, with everything stopped. */
  restore(state: AgentState): void;
  /** Everything is this process's now. */
  onTakenOver(takeover: TakeoverFacts): void;
  /** Asked to stop meanwhile: then the running agent had better go on. */
  isStopping(): boolean;
}

/**
 * Null when the running agent, if there is one, keeps its connections: then only the name of its socket can be taken.
 *
 * @throws SocketError, ModuleError; the running agent goes on serving then.
 */
export async function takeOver(options: ListenerOptions, target: TakeoverTarget): Promise<Listener | null> {
  const client = await HandoverClient.connect(options.path);
  if (!(client instanceof HandoverClient)) {
    const level = client.isServed ? "warn" : "info";
    target.log[level]("no connections can be taken over", { reason: client.reason });
    return null;
  }
  using running = client;
  target.applyProxyConfig(running.agent);
  assertWanted(target);
  const startedAtMs = performance.now();
  const { agent, listeningDescriptor, connections } = await running.receive();
  target.applyProxyConfig(agent);
  const listener = await Listener.takeOver(options, listeningDescriptor, connections).catch(
    (cause: Error) => {
      throw new SocketError("socket-takeover-failed", cause.message, { cause });
    },
  );
  await running.prepared();
  assertWanted(target);
  target.restore(agent);
  running.confirm();
  target.onTakenOver({ connections: connections.length, afterCrash: false });
  listener.releaseTakenOver(running.socketInode);
  target.log.info("took over from the running agent", {
    connections: connections.length,
    paused_ms: Math.round(performance.now() - startedAtMs),
    ...running.describe(),
  });
  return listener;
}

function assertWanted(target: TakeoverTarget): void {
  if (target.isStopping()) throw new SocketError("socket-takeover-failed", "this agent was asked to stop");
}
