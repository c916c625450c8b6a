/**
 * What a guest reads with `get_config`: what the proxy has pushed, without the keys that mean something to the agent, or
 * else the operator's file as it is. Nothing is 0 bytes, as in other hosts.
 */

import { AGENT_CONFIG_KEYS } from "../../event/agent-config-keys.ts";

/**
 * @param file the operator's; null for none
 * @param configJson the proxy's `config` block as JSON text; null for none
 */
export function configurationOf(file: Uint8Array | null, configJson: string | null): Buffer {
  const fromFile = Buffer.from(file ?? []);
  if (configJson === null) return fromFile;
  const config: unknown = JSON.parse(configJson);
  if (typeof config !== "object" || config === null || Array.isArray(config)) return Buffer.from(configJson);
  const own = Object.entries(config).filter(([key]) => !AGENT_CONFIG_KEYS.includes(key));
  return own.length === 0 ? fromFile : Buffer.from(JSON.stringify(Object.fromEntries(own)));
}
