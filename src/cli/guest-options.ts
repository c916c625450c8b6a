/** How the author's commands run a module: the serving options that matter without a socket, under the same names. */

import type { GuestSettings } from "../tools/guest-settings.ts";
import type { Option, OptionTable } from "./option.ts";
import { SERVE_OPTIONS } from "./options.ts";
import { switchKind } from "./value-kind.ts";

export const GUEST_OPTIONS: OptionTable<GuestSettings> = {
  timeoutMs: SERVE_OPTIONS.timeoutMs,
  startTimeoutMs: SERVE_OPTIONS.startTimeoutMs,
  maxMemoryBytes: SERVE_OPTIONS.maxMemoryBytes,
  limits: SERVE_OPTIONS.limits,
  headerCase: SERVE_OPTIONS.headerCase,
  events: SERVE_OPTIONS.events,
  entrypoint: SERVE_OPTIONS.entrypoint,
  responseEntrypoint: SERVE_OPTIONS.responseEntrypoint,
  dataPath: SERVE_OPTIONS.dataPath,
  opaInput: SERVE_OPTIONS.opaInput,
  abi: SERVE_OPTIONS.abi,
  onUnsupported: SERVE_OPTIONS.onUnsupported,
  allowCallouts: SERVE_OPTIONS.allowCallouts,
};

export const CONFIG_OPTION: Option<string | null> = {
  ...SERVE_OPTIONS.configPath,
  description:
    "JSON to configure the module with before the first event, as a proxy would (for http-wasm modules: anything).",
};

export const JSON_OPTION: Option<boolean> = {
  flag: "json",
  kind: switchKind(),
  fallback: { value: false },
  description: "Print one JSON object.",
  group: "Output",
};
