/**
 * Whom the host functions of one instance serve at the moment: the exchange whose handler runs, or nobody while the
 * instance starts.
 */

import type { BodyReader } from "./body.ts";
import type { GuestBuffers } from "./guest-buffers.ts";
import type { HttpExchange } from "./http-exchange.ts";

/** A read that cannot be answered yet. */
export interface AwaitedBody {
  readonly body: BodyReader;
  readonly limitBytes: number;
}

export class CallState {
  /** What `get_config` gives, byte for byte. */
  readonly configuration: Buffer;
  /** Enabled while the instance started: for all requests. */
  features = 0;
  /** Null during the start. */
  exchange: HttpExchange | null = null;
  /** The handler was called so that a read of a body may suspend it. */
  maySuspend = false;
  /** Set by a read that suspends the handler. */
  awaited: AwaitedBody | null = null;

  constructor(configuration: Buffer) {
    this.configuration = configuration;
  }

  /** Ends the call of a guest that asks for a request while it starts. */
  requireExchange(buffers: GuestBuffers, name: string): HttpExchange {
    return this.exchange ?? buffers.misuse(`called ${name} while it starts, when there is no request`);
  }

  /** Ends the call of a guest that changes a request which the upstream has got already. */
  requireBeforeNext(buffers: GuestBuffers, name: string, what: string): HttpExchange {
    const exchange = this.requireExchange(buffers, name);
    if (exchange.isAfterNext) {
      buffers.misuse(
        `called ${name} for ${what} in handle_response, when the upstream has the request already`,
      );
    }
    return exchange;
  }

  /** Ends the call of a guest that changes, or reads the body of, a message that it did not ask to be buffered. */
  requireBeforeNextOrFeature(
    buffers: GuestBuffers,
    name: string,
    what: string,
    feature: number,
    featureName: string,
  ): HttpExchange {
    const exchange = this.requireExchange(buffers, name);
    if (exchange.isAfterNext && !exchange.has(feature)) {
      buffers.misuse(`called ${name} for ${what} in handle_response without the feature ${featureName}`);
    }
    return exchange;
  }
}
