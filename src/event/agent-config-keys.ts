/** Keys of the proxy's `config` block that mean something to the agent itself, and not to a guest. */
export const AGENT_CONFIG_KEYS: readonly string[] = ["fail-open", "pool-size", "events"];
