/** `auto` follows the proxy's version, `block` and `redirect` pin one form (protocol.md 5.5). */
export type RedirectEncoding = "auto" | "block" | "redirect";
