/** How the commands for a running agent find it. */

import { AdminClient } from "../tools/operate/admin-client.ts";
import type { OptionTable } from "./option.ts";
import { SERVE_OPTIONS } from "./options.ts";
import { OptionsError } from "./options-error.ts";
import { pathKind } from "./value-kind.ts";

export interface AdminPlace {
  readonly socketPath: string;
  readonly adminSocketPath: string | null;
}

export const ADMIN_OPTIONS: OptionTable<AdminPlace> = {
  socketPath: {
    flag: "socket",
    env: "AGENT_SOCKET",
    kind: pathKind(),
    fallback: { value: "/tmp/sentinel-wasm.sock" },
    placeholder: "<path>",
    description: "The Unix socket that the agent listens on.",
    group: "Agent",
  },
  adminSocketPath: {
    ...SERVE_OPTIONS.adminSocketPath,
    description: "The agent's admin socket.",
    group: "Agent",
  },
};

/** @throws OptionsError when there is none to ask. */
export function adminClient({ socketPath, adminSocketPath }: AdminPlace): AdminClient {
  if (adminSocketPath === "none") {
    throw new OptionsError("option-invalid", "The admin socket is none; name the one of the agent to ask.");
  }
  return new AdminClient(adminSocketPath ?? `${socketPath}.admin`);
}
