/** What guests are run with in tests of the author's tools: the defaults of the options. */

import type { GuestSettings } from "../../src/tools/guest-settings.ts";

export const DEFAULT_GUEST_SETTINGS: GuestSettings = {
  timeoutMs: 1000,
  startTimeoutMs: 5000,
  maxMemoryBytes: 64 * 1024 * 1024,
  limits: true,
  headerCase: "preserve",
  events: null,
  abi: "auto",
  onUnsupported: "fail",
  allowCallouts: [],
  entrypoint: null,
  responseEntrypoint: null,
  dataPath: null,
  opaInput: "envoy",
};
