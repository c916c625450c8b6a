/**
 * What a filter is configured with, from the JSON that the agent was given (docs/proxy-wasm.md 4): in Envoy two texts, one
 * for the VM and one for the plugin, with names for both. The keys are those of Envoy's own configuration.
 */

export interface PluginConfiguration {
  readonly vm: Buffer;
  readonly plugin: Buffer;
  readonly pluginName: string;
  readonly rootId: string;
  readonly vmId: string;
  /** A guest that stops at headers still gets the body. Null leaves it to the version of its ABI. */
  readonly stopsHeadersAlone: boolean | null;
}

const KEYS = {
  vm: "vm_configuration",
  plugin: "plugin_configuration",
  name: "plugin_name",
  rootId: "plugin_root_id",
  vmId: "vm_id",
  stopsHeadersAlone: "allow_on_headers_stop_iteration",
} as const;

const NO_BYTES = Buffer.alloc(0);

export const EMPTY_CONFIGURATION: PluginConfiguration = {
  vm: NO_BYTES,
  plugin: NO_BYTES,
  pluginName: "",
  rootId: "",
  vmId: "",
  stopsHeadersAlone: null,
};

/** `configJson` is JSON. What has no key of its own is the plugin's configuration. */
export function readConfiguration(configJson: string): PluginConfiguration {
  const config: unknown = JSON.parse(configJson);
  if (config === null) return EMPTY_CONFIGURATION;
  if (typeof config !== "object" || Array.isArray(config)) {
    return { ...EMPTY_CONFIGURATION, plugin: toBytes(config) };
  }
  const given = new Map<string, unknown>(Object.entries(config));
  const take = (key: string): unknown => {
    const value = given.get(key);
    given.delete(key);
    return value;
  };
  const isWhole = !Object.values(KEYS).some((key) => given.has(key));
  const vm = toBytes(take(KEYS.vm));
  const plugin = take(KEYS.plugin);
  const stopsHeadersAlone = take(KEYS.stopsHeadersAlone);
  const settings = {
    pluginName: toName(take(KEYS.name)),
    rootId: toName(take(KEYS.rootId)),
    vmId: toName(take(KEYS.vmId)),
    stopsHeadersAlone: typeof stopsHeadersAlone === "boolean" ? stopsHeadersAlone : null,
  };
  if (plugin !== undefined) return { vm, plugin: toBytes(plugin), ...settings };
  // As it was written: some modules read their configuration by hand.
  if (isWhole) return { vm, plugin: Buffer.from(configJson), ...settings };
  return { vm, plugin: given.size === 0 ? NO_BYTES : toBytes(Object.fromEntries(given)), ...settings };
}

/** A text stands for itself, anything else for its JSON. */
function toBytes(value: unknown): Buffer {
  if (value === undefined || value === null) return NO_BYTES;
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
}

function toName(value: unknown): string {
  return typeof value === "string" ? value : "";
}
