/** The answer to a call-out, as the guest reads it while it is told of it. */

import type { HeaderPairs } from "./serialized-map.ts";

export interface CallResult {
  readonly headers: HeaderPairs;
  readonly trailers: HeaderPairs;
  readonly body: Buffer;
  /** What `proxy_get_status` tells: a gRPC status with its message, or 0 and none. */
  readonly status: number;
  readonly message: string;
}
