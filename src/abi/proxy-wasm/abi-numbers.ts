/**
 * The numbers of the Proxy-Wasm ABI (docs/proxy-wasm.md 3;
 * https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1).
 */

/** What a host function returns. */
export const Status = {
  ok: 0,
  notFound: 1,
  badArgument: 2,
  serializationFailure: 3,
  parseFailure: 4,
  invalidMemoryAccess: 6,
  empty: 7,
  casMismatch: 8,
  internalFailure: 10,
  unimplemented: 12,
} as const;

export const MapKind = {
  requestHeaders: 0,
  requestTrailers: 1,
  responseHeaders: 2,
  responseTrailers: 3,
  grpcInitialMetadata: 4,
  grpcTrailingMetadata: 5,
  callResponseHeaders: 6,
  callResponseTrailers: 7,
} as const;

export const BufferKind = {
  requestBody: 0,
  responseBody: 1,
  downstreamData: 2,
  upstreamData: 3,
  callResponseBody: 4,
  grpcMessage: 5,
  vmConfiguration: 6,
  pluginConfiguration: 7,
  foreignArguments: 8,
} as const;

export const StreamKind = { request: 0, response: 1, downstream: 2, upstream: 3 } as const;

export const MAX_MAP_KIND = 7;
export const MAX_BUFFER_KIND = 8;
export const MAX_STREAM_KIND = 3;
export const MAX_LOG_LEVEL = 5;
