/**
 * Pipelined v2 clients that keep their connections for ever, while one agent after the other takes over: no answer may
 * be lost, wrong, or given twice.
 */

import { guestPath } from "../guests/guest-path.ts";
import { AgentProcess } from "../support/agent-process.ts";
import { SteadyClient } from "../support/steady-client.ts";

export interface TakeoverSoakOptions {
  readonly connections: number;
  /** Events in flight on each connection. */
  readonly inFlight: number;
  readonly takeovers: number;
  readonly everyMs: number;
  /** Rest of each lane after an answer. */
  readonly pauseMs: number;
  readonly flags?: readonly string[];
  onTakeover?(number: number): void;
}

export interface TakeoverSoakResult {
  readonly answered: number;
  readonly longestMs: number;
  readonly complaints: readonly string[];
  /** How long connections were held, as the old agents tell it. */
  readonly pausedMs: readonly number[];
  /** Events that all agents together have counted. */
  readonly counted: number;
}

export async function soakWithTakeovers(options: TakeoverSoakOptions): Promise<TakeoverSoakResult> {
  const { connections, inFlight, takeovers, everyMs, pauseMs } = options;
  // On a machine with other things to do, an event may wait for long.
  const flags = ["--timeout-ms", "20000", ...(options.flags ?? [])];
  const module = guestPath("echo");
  const pausedMs: number[] = [];
  let agent = await AgentProcess.start({ module, flags });
  const first = agent;
  try {
    const clients: SteadyClient[] = [];
    for (let i = 0; i < connections; i++) {
      clients.push(
        await SteadyClient.connect(agent.socketPath, { protocol: 2, inFlight, pauseMs, name: `c${i}` }),
      );
    }
    for (let number = 1; number <= takeovers; number++) {
      await Bun.sleep(everyMs);
      const old = agent;
      agent = await AgentProcess.start({
        module,
        socketPath: first.socketPath,
        flags: [...flags, "--takeover"],
      });
      await old.exited;
      pausedMs.push(Number((await old.line("handed over to a new agent"))["paused_ms"]));
      if (old !== first) await old[Symbol.asyncDispose]();
      options.onTakeover?.(number);
    }
    await Bun.sleep(everyMs);
    const complaints = (await Promise.all(clients.map((client) => client.finish()))).flat();
    agent.signal("SIGTERM");
    await agent.exited;
    return {
      answered: clients.reduce((total, client) => total + client.answered, 0),
      longestMs: Math.max(...clients.map(({ longestMs }) => longestMs)),
      complaints,
      pausedMs,
      counted: Number((await agent.line("stopped"))["requests"]),
    };
  } finally {
    await agent[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
  }
}
