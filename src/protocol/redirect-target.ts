/**
 * A redirect target as a header can carry it: what is not visible ASCII is percent-encoded as UTF-8, since proxies
 * send it on raw (docs/agent-protocol.md 8.3). Everything else stays as the guest wrote it, existing escapes included.
 */
export function encodeRedirectTarget(target: string): string {
  return target.replace(/[^\x21-\x7e]+/g, (part) => encodeURIComponent(part.toWellFormed()));
}
