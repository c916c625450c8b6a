/** `auto` follows the proxy's version, `block` and `redirect` pin one form (docs/agent-protocol.md 8.3). */
export type RedirectEncoding = "auto" | "block" | "redirect";
