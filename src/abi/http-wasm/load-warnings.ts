/** What can be told from a module's imports alone: what it may ask for and will not get, or only in some cases. */

import type { HttpWasmOptions } from "../abi-options.ts";
import { HOST_MODULE } from "./host-functions/host-functions.ts";

type Descriptor = WebAssembly.ModuleImportDescriptor;

const SOCKET_FUNCTION = /^sock_/;

export function loadWarnings(imports: readonly Descriptor[], options: HttpWasmOptions): readonly string[] {
  const names = new Set(imports.filter(({ module }) => module === HOST_MODULE).map(({ name }) => name));
  const outcome =
    options.onUnsupported === "fail"
      ? "a request for which it does so fails (--on-unsupported warn lets it go on unchanged)"
      : "a request for which it does so goes on unchanged";
  const warnings: string[] = [];
  for (const [name, what] of [
    ["set_uri", "the URI"],
    ["set_method", "the method"],
  ] as const) {
    if (names.has(name)) {
      warnings.push(
        `the module may change ${what} of requests (${name}), which the proxy's protocol cannot carry: ${outcome}`,
      );
    }
  }
  if (names.has("read_body")) {
    warnings.push(
      "the module may read bodies (read_body): it gets those that the proxy sends, so subscribe the agent to request_body and response_body as it needs them, and name them with --events; what it changes in request headers after reading a body reaches the upstream with request-body-mode inspect-first only",
    );
  }
  if (names.has("write_body")) {
    warnings.push(
      "the module may write bodies (write_body): a request body can be replaced with request-body-mode stream only, and by text of the announced length; a response body with response_body events",
    );
  }
  const sockets = imports.filter(({ module, name }) => module !== HOST_MODULE && SOCKET_FUNCTION.test(name));
  if (sockets.length > 0) {
    const list = sockets.map(({ name }) => name).join(", ");
    warnings.push(
      `the module imports functions for network sockets (${list}); there is no network here, and their calls fail`,
    );
  }
  return warnings;
}
