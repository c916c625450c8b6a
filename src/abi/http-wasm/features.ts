/** Features that a guest can ask for, as bits (https://http-wasm.io/http-handler-abi/). */

export const Feature = {
  /** The guest reads request bodies, and the upstream gets them all the same. */
  bufferRequest: 1,
  /** `handle_response` may read and change the response. */
  bufferResponse: 2,
} as const;

/** Trailers are not among them: no proxy has events for them. */
export const SUPPORTED_FEATURES = Feature.bufferRequest | Feature.bufferResponse;
