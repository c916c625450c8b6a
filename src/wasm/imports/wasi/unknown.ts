/**
 * Names that preview 1 does not have but its module is asked for: other runtimes add some. A missing import would
 * refuse a whole module, although most modules never call such a function.
 */

import type { ImportHost } from "../import-host.ts";
import { ERRNO } from "./errno.ts";
import { SOCKET_PREFIX } from "./sockets.ts";

export function unknownWasiFunction(host: ImportHost, module: string, name: string): () => number {
  if (name.startsWith(SOCKET_PREFIX)) return () => host.refuse(name, ERRNO.notsup);
  return () => {
    host.reportUnknown(module, name);
    return host.refuse(name, ERRNO.nosys);
  };
}
