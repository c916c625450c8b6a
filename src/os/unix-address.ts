/** Addresses of Unix sockets as the C library takes them: sockaddr_un, see unix(7). */

/** `sun_path` of sockaddr_un. */
const MAX_ADDRESS_BYTES = 108;

export const AF_UNIX = 1;
export const SOCK_CLOEXEC = 0o2000000;

/**
 * `address` is an absolute path, or `@name` for the abstract name space; null for anything else, and for one that is too
 * long. Family in host order, then the path with its closing NUL, or a NUL and the abstract name without one.
 */
export function encodeSocketAddress(address: string): Uint8Array | null {
  const isAbstract = address.startsWith("@");
  if (!isAbstract && !address.startsWith("/")) return null;
  const path = new TextEncoder().encode(isAbstract ? `\0${address.slice(1)}` : `${address}\0`);
  if (path.length > MAX_ADDRESS_BYTES || path.length < 2) return null;
  const encoded = new Uint8Array(2 + path.length);
  new Uint16Array(encoded.buffer, 0, 1)[0] = AF_UNIX;
  encoded.set(path, 2);
  return encoded;
}
