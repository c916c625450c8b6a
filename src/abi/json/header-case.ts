/** `user-agent` to `User-Agent`, for guests that look headers up by their traditional spelling. */
export function canonicalHeaderName(name: string): string {
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}
