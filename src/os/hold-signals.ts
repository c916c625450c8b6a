/**
 * Signals that must not end, or be lost to, an agent that is about to serve, from the first statement of the program on.
 * What they ask for is left to whoever listens later (agent/run-agent.ts): signals are delivered in an iteration of the event loop, and
 * the first one comes after that. Commands that end by themselves keep the usual effects.
 *
 * Imported for its effect, before everything else: reading the rest of the program takes longer than starting the runtime.
 */

/** The kernel drops a signal to the first process of a container as long as nobody listens. */
export const IS_CONTAINER_INIT = process.pid === 1;

const [, , command = ""] = process.argv;

if (command === "" || command === "serve" || command.startsWith("-")) {
  const held = IS_CONTAINER_INIT ? (["SIGHUP", "SIGTERM", "SIGINT"] as const) : (["SIGHUP"] as const);
  for (const signal of held) process.on(signal, () => {});
}
