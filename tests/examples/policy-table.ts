/**
 * The example policy as a table: what every language's module must answer. One list, so that five modules cannot
 * drift apart; how the modules are asked is left to policy.test.ts.
 *
 * The policy is that of docs/design.md 6.7, with header names compared without regard to letter case.
 */

import type { HeadersEvent, RequestMetadata } from "../../src/event/event.ts";
import type { HeaderOp } from "../../src/event/header-ops.ts";
import { ALLOW, NO_AUDIT, type Verdict } from "../../src/event/verdict.ts";

export interface PolicyCase {
  readonly name: string;
  readonly event: HeadersEvent;
  readonly verdict: Verdict;
}

const CLIENT = "203.0.113.9";

interface RequestParts {
  readonly method?: string;
  readonly uri?: string;
  readonly headers?: Readonly<Record<string, readonly string[]>>;
  readonly clientAddress?: string;
  readonly correlationId?: string;
}

function request(parts: RequestParts): HeadersEvent {
  const metadata: RequestMetadata = {
    requestId: "b1c9",
    clientAddress: parts.clientAddress ?? `${CLIENT}:50412`,
    clientPort: 50412,
    serverName: null,
    httpVersion: "HTTP/1.1",
    tlsVersion: null,
    tlsCipher: null,
    routeId: "api",
    upstreamId: null,
    timestamp: "2026-07-01T12:00:00+00:00",
    traceparent: null,
  };
  return {
    kind: "request-headers",
    correlationId: parts.correlationId ?? "3Nq8aXk2Tz1",
    method: parts.method ?? "GET",
    uri: parts.uri ?? "/",
    headers: parts.headers ?? { host: ["a.test"] },
    metadata,
  };
}

function response(status: number, headers: Readonly<Record<string, readonly string[]>> = {}): HeadersEvent {
  return { kind: "response-headers", correlationId: "3Nq8aXk2Tz1", status, headers };
}

function set(name: string, value: string): HeaderOp {
  return { op: "set", name, value };
}

function remove(name: string): HeaderOp {
  return { op: "remove", name };
}

function allowed(clientIp: string = CLIENT, tags: readonly string[] = []): Verdict {
  return {
    decision: ALLOW,
    requestHeaders: [set("X-Client-IP", clientIp), set("X-Wasm-Processed", "true")],
    responseHeaders: [],
    audit: { ...NO_AUDIT, tags },
    routingMetadata: null,
  };
}

function blocked(status: number, body: string, ...tags: string[]): Verdict {
  return {
    decision: { kind: "block", status, body },
    requestHeaders: [],
    responseHeaders: [],
    audit: { ...NO_AUDIT, tags },
    routingMetadata: null,
  };
}

function forbidden(...tags: string[]): Verdict {
  return blocked(403, "Forbidden", ...tags);
}

function hardened(status: number): Verdict {
  return {
    decision: ALLOW,
    requestHeaders: [],
    responseHeaders: [
      set("X-Content-Type-Options", "nosniff"),
      set("X-Frame-Options", "DENY"),
      set("X-XSS-Protection", "1; mode=block"),
      remove("Server"),
      remove("X-Powered-By"),
    ],
    audit: { ...NO_AUDIT, tags: [`status-${status}`] },
    routingMetadata: null,
  };
}

const UNAUTHENTICATED = blocked(401, "Authentication required", "admin-blocked");

function requests(verdict: Verdict, cases: Readonly<Record<string, RequestParts>>): PolicyCase[] {
  return Object.entries(cases).map(([name, parts]) => ({ name, event: request(parts), verdict }));
}

function agent(value: string, name = "user-agent"): RequestParts {
  return { headers: { host: ["a.test"], [name]: [value] } };
}

function manyHeaders(count: number): Record<string, string[]> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-h${index}`, [`${index}`]]));
}

export const POLICY_TABLE: readonly PolicyCase[] = [
  ...requests(allowed(), {
    "a plain request": {},
    "a query": { uri: "/api/users?page=1&x=%20" },
    "no headers at all": { headers: {} },
    "several values of one header": { headers: { host: ["a.test"], accept: ["a", "b"] } },
    "a header with no value": { headers: { host: ["a.test"], "x-empty": [] } },
    "a header with an empty value": { headers: { host: ["a.test"], "x-empty": [""] } },
    "characters of two, three and four bytes in a header": agent("Zoë ☃ 😀"),
    "quotes, backslashes and controls in a header": {
      headers: { "x-q": ['a"b\\c/d\b\f\n\r\t\u0000\u001f\u007f'] },
    },
    "characters beyond ASCII in the uri": { uri: "/caf%C3%A9/é☃😀" },
    "line separators of JavaScript": { uri: "/\u2028\u2029" },
    "the first and last characters of each UTF-8 length": {
      uri: "/\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff\u{10000}\u{10ffff}",
    },
    "an empty uri": { uri: "" },
    "an empty correlation id": { correlationId: "" },
    "an odd correlation id": { correlationId: '__proto__"\\\n' },
    "a method in lower case": { method: "get" },
    "a method nobody knows": { method: "PURGE" },
    "an empty method": { method: "" },
    "a long uri": { uri: `/${"a".repeat(4000)}` },
    "a very long uri": { uri: `/${"a".repeat(200_000)}` },
    "two hundred headers": { headers: manyHeaders(200) },
    "a header named like a prototype": { headers: { ["__proto__"]: ["x"], constructor: ["y"] } },
    "admin without its slash": { uri: "/badmin" },
    "admin behind an encoded slash": { uri: "/%2fadmin" },
    "an encoded letter in admin": { uri: "/%61dmin" },
    "a dotted capital I in admin": { uri: "/admİn" },
    "a long s and a Kelvin sign": { uri: "/javaſcript:/Kelvin" },
    "part of admin at the end": { uri: "/admi" },
    "one dash": { uri: "/a-b-c" },
    "two dashes apart": { uri: "/a-_-b" },
    "an encoded quote": { uri: "/s?q=a%27b" },
    "a double quote": { uri: '/s?q="a"' },
    "a typographic quote": { uri: "/s?q=a’b" },
    onion: { uri: "/onion" },
    "part of union at the end": { uri: "/unio" },
    "union with a letter encoded": { uri: "/un%69on" },
    "one dot": { uri: "/a/./b.c" },
    "dots apart": { uri: "/.a." },
    "one dot encoded": { uri: "/a/%2e/b" },
    "a dot and an encoded dot": { uri: "/a/.%2e/b" },
    "an encoded dot and a dot": { uri: "/a/%2e./b" },
    "encoded dots, encoded twice": { uri: "/a/%252e%252e/b" },
    "script without its bracket": { uri: "/script" },
    "an encoded bracket before script": { uri: "/s?q=%3Cscript" },
    "script after a space": { uri: "/s?q=< script" },
    "javascript without its colon": { uri: "/javascript/app.js" },
    "an ordinary browser": agent("Mozilla/5.0 (X11; Linux x86_64)"),
    "part of a scanner's name": agent("sqlma"),
    "a scanner's name with a Kelvin sign": agent("ni\u212ato/2.1"),
    "a scanner's name in another header": { headers: { "x-user-agent": ["sqlmap"], referer: ["nikto"] } },
    "a scanner's name in a header whose name goes on": agent("sqlmap", "user-agent-hint"),
    "a scanner's name in the uri": { uri: "/docs/sqlmap" },
    "an empty agent": agent(""),
    "attack patterns in headers": { headers: { cookie: ["'--union..<script"], referer: ["/admin"] } },
    "attack patterns in the correlation id": { correlationId: "/admin'--union" },
    "attack patterns in the method": { method: "/admin'--" },
  }),

  {
    name: "a bare client address",
    event: request({ clientAddress: "198.51.100.4" }),
    verdict: allowed("198.51.100.4"),
  },
  {
    name: "a client address of version 6",
    event: request({ clientAddress: "[2001:db8::1]:443" }),
    verdict: allowed("2001:db8::1"),
  },
  { name: "an unknown client", event: request({ clientAddress: "unknown" }), verdict: allowed("unknown") },
  { name: "a client without address", event: request({ clientAddress: "" }), verdict: allowed("") },
  {
    name: "a client address that JSON must escape",
    event: request({ clientAddress: 'unix "a\\b/c\td' }),
    verdict: allowed('unix "a\\b/c\td'),
  },
  {
    name: "a client address beyond ASCII",
    event: request({ clientAddress: "/run/é☃😀.sock" }),
    verdict: allowed("/run/é☃😀.sock"),
  },
  {
    name: "a long client address",
    event: request({ clientAddress: `/${"a\\".repeat(2000)}` }),
    verdict: allowed(`/${"a\\".repeat(2000)}`),
  },

  ...requests(UNAUTHENTICATED, {
    admin: { uri: "/admin" },
    "admin in capitals": { uri: "/Admin/Users" },
    "admin further down": { uri: "/x/ADMIN?y" },
    "admin as the start of a word": { uri: "/administrator" },
    "admin in the query": { uri: "/login?next=/admin" },
    "admin at the very end of a long uri": { uri: `/${"a".repeat(70_000)}/admin` },
    "admin with a credential under another name": {
      uri: "/admin",
      headers: { "x-authorization": ["Bearer x"], "proxy-authorization": ["Bearer x"] },
    },
    "admin and an injection": { uri: "/admin?q='--" },
    "admin and a scanner": { uri: "/admin", ...agent("sqlmap") },
  }),
  ...requests(allowed(CLIENT, ["admin-access"]), {
    "admin with Authorization": { uri: "/admin", headers: { host: ["a.test"], Authorization: ["Bearer x"] } },
    "admin with authorization": { uri: "/admin", headers: { host: ["a.test"], authorization: ["Bearer x"] } },
    "admin with AUTHORIZATION": { uri: "/admin", headers: { AUTHORIZATION: ["Bearer x"] } },
    "admin with an empty authorization": { uri: "/admin", headers: { authorization: [""] } },
    "admin with authorization behind many headers": {
      uri: "/admin/users",
      headers: { ...manyHeaders(100), authorization: ["Bearer x"] },
    },
  }),
  {
    name: "admin with authorization, but an injection",
    event: request({ uri: "/admin?q='", headers: { authorization: ["Bearer x"] } }),
    verdict: forbidden("admin-access", "sqli-detected"),
  },
  {
    name: "admin with authorization, but a scanner",
    event: request({ uri: "/admin", headers: { authorization: ["Bearer x"], "User-agent": ["Nessus"] } }),
    verdict: forbidden("admin-access", "scanner-blocked"),
  },

  ...requests(forbidden("sqli-detected"), {
    "a quote": { uri: "/s?q=a'b" },
    "a comment": { uri: "/s?q=a--b" },
    "two dashes at the end": { uri: "/a--" },
    "three dashes": { uri: "/a---b" },
    union: { uri: "/s?q=union+select" },
    "union in capitals": { uri: "/s?q=UNION+select" },
    "union inside a word": { uri: "/reunions" },
    "nothing but a quote": { uri: "'" },
    "a quote behind a character of four bytes": { uri: "/😀'" },
    "an injection and a traversal": { uri: "/../'" },
  }),
  ...requests(forbidden("path-traversal"), {
    "a traversal": { uri: "/a/../b" },
    "an encoded traversal": { uri: "/a/%2E%2e/b" },
    "an encoded traversal in small letters": { uri: "/a/%2e%2e%2fb" },
    "an encoded traversal in capitals": { uri: "/a/%2E%2E/b" },
    "three dots": { uri: "/..." },
    "nothing but two dots": { uri: ".." },
    "a traversal and a script": { uri: "/../<script>" },
  }),
  ...requests(forbidden("xss-detected"), {
    "a script": { uri: "/s?q=<script>" },
    "a script in capitals": { uri: "/s?q=<SCRIPT" },
    "a script with attributes": { uri: "/s?q=<script src=x>" },
    "a javascript url": { uri: "/s?u=javascript:alert(1)" },
    "a javascript url in mixed case": { uri: "/s?u=JavaScript:alert(1)" },
    "a javascript url of a scanner": { uri: "/s?u=javascript:", ...agent("sqlmap/1.7") },
  }),
  ...requests(forbidden("scanner-blocked"), {
    sqlmap: agent("sqlmap/1.7"),
    "sqlmap, with the header in its traditional case": agent("sqlmap/1.7", "User-Agent"),
    "sqlmap, with the header in capitals": agent("sqlmap/1.7", "USER-AGENT"),
    Nikto: agent("Mozilla/5.00 (Nikto/2.1.6) (Evasions:None)"),
    NESSUS: agent("Mozilla/4.0 (compatible; NESSUS)"),
    "a scanner in the second value": { headers: { "user-agent": ["curl/8", "nikto"] } },
    "a scanner under the second spelling": { headers: { "User-Agent": ["curl/8"], "user-agent": ["nikto"] } },
    "a scanner behind a quoted word": agent('"\\" ☃ sqlmap'),
  }),

  {
    name: "a response",
    event: response(200, { server: ["nginx"], "content-type": ["text/html"] }),
    verdict: hardened(200),
  },
  {
    name: "a failed response",
    event: response(500, { Server: ["x"], "X-Powered-By": ["php"] }),
    verdict: hardened(500),
  },
  {
    name: "a response with cookies",
    event: response(200, { "set-cookie": ["a=1", "b=2"] }),
    verdict: hardened(200),
  },
  { name: "a response without headers", event: response(404), verdict: hardened(404) },
  { name: "a response with the smallest status", event: response(100), verdict: hardened(100) },
  { name: "a response with the largest status", event: response(999), verdict: hardened(999) },
  {
    name: "a response with two hundred headers",
    event: response(204, manyHeaders(200)),
    verdict: hardened(204),
  },
  {
    name: "a response with odd header text",
    event: response(302, { location: ['/é☃😀"\\\n'] }),
    verdict: hardened(302),
  },
];
