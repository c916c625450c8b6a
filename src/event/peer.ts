/**
 * What the dispatcher may know of the proxy behind a connection: facts that change what a verdict must contain, never
 * how it is spelled.
 */
export interface PeerTraits {
  /** The proxy itself applies response-header operations that came with the answer to request headers (from 0.6.51). */
  readonly keepsResponseOps: boolean;
  /** Response-header events follow request-header events (v2). False on v1, which has none. */
  readonly hasResponseEvents: boolean;
  /** The proxy applies replacements of response bodies and of streamed request bodies. */
  readonly replacesBodies: boolean;
}
