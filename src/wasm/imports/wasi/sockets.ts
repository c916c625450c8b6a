/** Sockets: none, under any name, including those that other runtimes have added to preview 1. */

import type { ImportFunctions } from "../import-functions.ts";
import type { ImportHost } from "../import-host.ts";
import { ERRNO } from "./errno.ts";

export const SOCKET_PREFIX = "sock_";

const DENIED = ["sock_accept", "sock_recv", "sock_send", "sock_shutdown"];

export function socketFunctions(host: ImportHost): ImportFunctions {
  return Object.fromEntries(DENIED.map((name) => [name, () => host.refuse(name, ERRNO.notsup)]));
}
