/** What a proxy's version, told in the handshake, means for the answers it should get. */

/**
 * From this release on, a proxy honours redirects and applies response operations itself (docs/agent-protocol.md 8.2).
 */
const HONOURS_ANSWERS_SINCE: readonly [number, number, number] = [0, 6, 51];

/** False for older proxies and for versions that cannot be read: the form for old proxies harms no new one. */
export function honoursWholeAnswers(proxyVersion: string): boolean {
  const match = /^(\d+)\.(\d+)\.(\d+)/.exec(proxyVersion);
  if (match === null) return false;
  for (let i = 0; i < HONOURS_ANSWERS_SINCE.length; i++) {
    const part = Number(match[i + 1]);
    const since = HONOURS_ANSWERS_SINCE[i]!;
    if (part !== since) return part > since;
  }
  return true;
}

/** `major.minor.patch` alone, as a text of its own that keeps nothing of the message alive; empty when there is none. */
export function plainVersion(proxyVersion: string): string {
  const match = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})/.exec(proxyVersion);
  return match === null ? "" : match.slice(1).map(Number).join(".");
}
