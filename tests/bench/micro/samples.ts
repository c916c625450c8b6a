/**
 * One event of the load generator, for measurements inside a process: the v1 payload, the v2 payload, and what a guest
 * is given for it.
 */

const HEADERS: Readonly<Record<string, readonly string[]>> = {
  accept: ["text/html,application/xhtml+xml,*/*;q=0.8"],
  "accept-encoding": ["gzip, br"],
  "accept-language": ["en-GB,en;q=0.5"],
  "cache-control": ["no-cache"],
  cookie: ["s=b7Qe2xR9mZk4TfW1cLs8Nd5HvYp3JgU6aDz0"],
  host: ["shop.example"],
  referer: ["https://shop.example/"],
  "sec-fetch-dest": ["document"],
  "sec-fetch-mode": ["navigate"],
  "sec-fetch-site": ["none"],
  "user-agent": ["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"],
  "x-correlation-id": ["h1118a3Kq2Z"],
  "x-forwarded-by": ["Sentinel"],
};

const REQUEST = {
  headers: HEADERS,
  metadata: {
    client_ip: "203.0.113.24:50412",
    client_port: 0,
    correlation_id: "h1118a3Kq2Z",
    protocol: "HTTP/1.1",
    request_id: "b1c9a5e2-7d40-4c6e-9f13-000000004711",
    route_id: "shop",
    server_name: null,
    timestamp: "2026-07-01T12:00:00.123456789+00:00",
    tls_cipher: null,
    tls_version: null,
    upstream_id: null,
  },
  method: "GET",
  uri: "/catalogue/items/004711?page=3&sort=price",
};

export const SAMPLE_V1_JSON = JSON.stringify({ version: 1, event_type: "request_headers", payload: REQUEST });

export const SAMPLE_V2_JSON = JSON.stringify({ correlation_id: "h1118a3Kq2Z", ...REQUEST });

export const SAMPLE_GUEST_INPUT: Uint8Array = new TextEncoder().encode(
  JSON.stringify({
    method: REQUEST.method,
    uri: REQUEST.uri,
    client_ip: "203.0.113.24",
    correlation_id: REQUEST.metadata.correlation_id,
    headers: Object.fromEntries(Object.entries(HEADERS).map(([name, values]) => [name, values.join(", ")])),
  }),
);

/** What the example module says to an ordinary request. */
export const SAMPLE_GUEST_RESULT = JSON.stringify({
  decision: "allow",
  add_request_headers: { "X-Wasm-Processed": "true", "X-Client-IP": "203.0.113.24" },
});
