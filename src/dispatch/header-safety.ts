/**
 * Header operations that would change how a proxy or an upstream finds the end of a message, or take a connection
 * apart. They are dropped, with a warning that names them once: a guest means well that removes `content-length`
 * because it changes a body, and the proxies take care of these headers themselves (docs/agent-protocol.md).
 */

import { type HeaderOp, NO_HEADER_OPS } from "../event/header-ops.ts";
import type { Verdict } from "../event/verdict.ts";
import type { Log } from "../telemetry/log.ts";

const REQUEST_NAMES: ReadonlySet<string> = new Set([
  "content-length",
  "transfer-encoding",
  "connection",
  "upgrade",
]);
const RESPONSE_NAMES: ReadonlySet<string> = new Set(["content-length", "transfer-encoding"]);

export class HeaderSafety {
  readonly #log: Log;
  /** Verdicts are shared between equal results, so each is looked through once. */
  readonly #checked = new WeakMap<Verdict, Verdict>();
  readonly #named = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** The verdict itself when nothing had to be dropped. */
  apply(verdict: Verdict): Verdict {
    if (verdict.requestHeaders === NO_HEADER_OPS && verdict.responseHeaders === NO_HEADER_OPS) return verdict;
    let safe = this.#checked.get(verdict);
    if (safe === undefined) {
      safe = this.#drop(verdict);
      this.#checked.set(verdict, safe);
    }
    return safe;
  }

  #drop(verdict: Verdict): Verdict {
    const requestHeaders = this.#safe(verdict.requestHeaders, REQUEST_NAMES, "request");
    const responseHeaders = this.#safe(verdict.responseHeaders, RESPONSE_NAMES, "response");
    const isSafe = requestHeaders === verdict.requestHeaders && responseHeaders === verdict.responseHeaders;
    return isSafe ? verdict : { ...verdict, requestHeaders, responseHeaders };
  }

  #safe(
    ops: readonly HeaderOp[],
    names: ReadonlySet<string>,
    direction: "request" | "response",
  ): readonly HeaderOp[] {
    const dropped = ops.filter(({ name }) => names.has(name.toLowerCase()));
    if (dropped.length === 0) return ops;
    for (const { name } of dropped) this.#warn(name.toLowerCase(), direction);
    const kept = ops.filter(({ name }) => !names.has(name.toLowerCase()));
    return kept.length === 0 ? NO_HEADER_OPS : kept;
  }

  #warn(name: string, direction: "request" | "response"): void {
    const key = `${direction} ${name}`;
    if (this.#named.has(key)) return;
    this.#named.add(key);
    this.#log.warn(
      "the module changes a header that only the proxy may change; the operation is dropped (said once)",
      { header: name, of: direction },
    );
  }
}
