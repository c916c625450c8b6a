/**
 * Events as no host of ours writes them: JSON in unusual spelling, which a module has to read right, and what is no
 * event at all, where it must end rather than answer.
 */

import type { Handler } from "./raw-guest.ts";

export interface SpellingCase {
  readonly name: string;
  readonly handler: Handler;
  readonly json: string;
  /** Keys of the result that matter; those with nothing in them count as absent. */
  readonly result: Readonly<Record<string, unknown>>;
}

/** What is no event at all: the module must trap, for an answer of any kind might let a request through. */
export interface UnreadableCase {
  readonly name: string;
  readonly handler: Handler;
  readonly input: string | Uint8Array;
}

const allowedResult = (clientIp: string): Record<string, unknown> => ({
  decision: "allow",
  add_request_headers: { "X-Client-IP": clientIp, "X-Wasm-Processed": "true" },
});

const blockedResult = (status: number, body: string, tag: string): Record<string, unknown> => ({
  decision: "block",
  status,
  body,
  tags: [tag],
});

function spelt(name: string, json: string, result: Readonly<Record<string, unknown>>): SpellingCase {
  return { name, handler: "on_request_headers", json, result };
}

/** A request in JSON, with the values given as JSON. */
function text(uri: string, headers = "{}", clientIp = '"192.0.2.1"'): string {
  return `{"method":"GET","uri":${uri},"client_ip":${clientIp},"correlation_id":"c","headers":${headers}}`;
}

const FORBIDDEN_BY = (tag: string): Record<string, unknown> => blockedResult(403, "Forbidden", tag);
const NEEDS_AUTHENTICATION = blockedResult(401, "Authentication required", "admin-blocked");

export const SPELLING_TABLE: readonly SpellingCase[] = [
  spelt("an escaped traversal", text('"/\\u002e\\u002E/"'), FORBIDDEN_BY("path-traversal")),
  spelt("an escaped quote", text('"/\\u0027"'), FORBIDDEN_BY("sqli-detected")),
  spelt("an escaped slash", text('"\\/admin"'), NEEDS_AUTHENTICATION),
  spelt("an escaped letter", text('"/adm\\u0069n"'), NEEDS_AUTHENTICATION),
  spelt("a backslash before a letter u", text('"/\\\\u0027"'), allowedResult("192.0.2.1")),
  spelt(
    "an escaped header name",
    text('"/"', '{"\\u0055ser-Agent":"sqlmap"}'),
    FORBIDDEN_BY("scanner-blocked"),
  ),
  spelt(
    "an escaped header value",
    text('"/"', '{"user-agent":"sql\\u006dap"}'),
    FORBIDDEN_BY("scanner-blocked"),
  ),
  spelt(
    "an escaped key",
    '{"\\u0075ri":"/admin","client_ip":"192.0.2.1","headers":{}}',
    NEEDS_AUTHENTICATION,
  ),
  spelt(
    "keys in another order",
    '{"headers":{"user-agent":"nikto"},"client_ip":"192.0.2.1","uri":"/"}',
    FORBIDDEN_BY("scanner-blocked"),
  ),
  spelt(
    "white space wherever it may stand",
    '\r\n\t { "uri" : "/" , "client_ip" : "192.0.2.1" ,\n"headers" : { "a" : "b" , "c" : "d" } } \n',
    allowedResult("192.0.2.1"),
  ),
  spelt(
    "unknown keys of every kind",
    '{"a":null,"b":[true,false,[],{},[1,-2.5e+3,0,0.0,1E9]],"c":{"uri":"/admin","d":{"e":"\\"}"}},"uri":"/","client_ip":"192.0.2.1","headers":{},"f":-0}',
    allowedResult("192.0.2.1"),
  ),
  spelt(
    "every escape in a value that comes back",
    text('"/"', "{}", '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u001F\\u007f"'),
    allowedResult('"\\/\b\f\n\r\t\u0000\u001f\u007f'),
  ),
  spelt(
    "escapes of two, three and four bytes in a value that comes back",
    text('"/"', "{}", '"\\u00e9\\u07FF\\u0800\\u2603\\uFFFF\\ud83d\\ude00\\uD800\\uDC00\\udbff\\udfff"'),
    allowedResult("é\u07ff\u0800☃\uffff😀\u{10000}\u{10ffff}"),
  ),
  {
    name: "a status behind unknown keys",
    handler: "on_response_headers",
    json: '{"headers":{"server":"x"},"later":[{"status":1}],"status":418}',
    result: {
      decision: "allow",
      add_response_headers: {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "X-XSS-Protection": "1; mode=block",
      },
      remove_response_headers: ["Server", "X-Powered-By"],
      tags: ["status-418"],
    },
  },
];

function unreadableRequests(cases: Readonly<Record<string, string | Uint8Array>>): UnreadableCase[] {
  return Object.entries(cases).map(([name, input]) => ({ name, handler: "on_request_headers", input }));
}

function unreadableResponses(cases: Readonly<Record<string, string | Uint8Array>>): UnreadableCase[] {
  return Object.entries(cases).map(([name, input]) => ({ name, handler: "on_response_headers", input }));
}

/** A whole request with some bytes that are not UTF-8 in its uri. */
function uriOfBytes(...bytes: number[]): Uint8Array {
  const [before, after] = text('"/|"').split("|");
  return Buffer.concat([Buffer.from(before ?? ""), Uint8Array.from(bytes), Buffer.from(after ?? "")]);
}

export const UNREADABLE_TABLE: readonly UnreadableCase[] = [
  ...unreadableRequests({
    nothing: "",
    "white space": "  ",
    "a word": "hello",
    "an open brace": "{",
    "a list": "[]",
    null: "null",
    "a string": '"/"',
    "an empty object": "{}",
    "no uri": '{"client_ip":"192.0.2.1","headers":{}}',
    "no client_ip": '{"uri":"/","headers":{}}',
    "no headers": '{"uri":"/","client_ip":"192.0.2.1"}',
    "keys in capitals": '{"URI":"/","CLIENT_IP":"192.0.2.1","HEADERS":{}}',
    "a uri that is null": text("null"),
    "a uri that is a number": text("5"),
    "a uri that is an object": text("{}"),
    "a client_ip that is null": text('"/"', "{}", "null"),
    "headers that are null": text('"/"', "null"),
    "headers that are a list": text('"/"', "[]"),
    "a header that is a number": text('"/"', '{"a":1}'),
    "a header that is null": text('"/"', '{"a":null}'),
    "text cut within a string": text('"/"').slice(0, 20),
    "text cut before the last brace": text('"/"').slice(0, -1),
    "text behind the end": `${text('"/"')}x`,
    "two objects": text('"/"') + text('"/"'),
    "a comma too many": '{"uri":"/","client_ip":"192.0.2.1","headers":{},}',
    "a comma too few": '{"uri":"/" "client_ip":"192.0.2.1","headers":{}}',
    "no colon": '{"uri" "/","client_ip":"192.0.2.1","headers":{}}',
    "a key without quotes": '{uri:"/","client_ip":"192.0.2.1","headers":{}}',
    "single quotes": "{'uri':'/','client_ip':'192.0.2.1','headers':{}}",
    "a comment": `/**/${text('"/"')}`,
    "a byte order mark": `\ufeff${text('"/"')}`,
    "an unknown escape": text('"/\\x41"'),
    "an escape at the end": '{"uri":"\\',
    "an escape with three digits": text('"/\\u004"'),
    "an escape with a letter that is no digit": text('"/\\u004g"'),
    "an escape with a sign": text('"/\\u+041"'),
    "a lone high surrogate": text('"/\\ud800"'),
    "a high surrogate before a letter": text('"/\\ud800x"'),
    "a high surrogate before another escape": text('"/\\ud800\\n"'),
    "two high surrogates": text('"/\\ud800\\ud800"'),
    "a lone low surrogate": text('"/\\udc00"'),
    "surrogates the wrong way round": text('"/\\ude00\\ud83d"'),
    "a raw line break in a string": text('"/\n"'),
    "a raw zero in a string": text('"/\u0000"'),
    "a raw tab in a key": '{"\t":1,"uri":"/","client_ip":"192.0.2.1","headers":{}}',
    "an unfinished word": '{"a":tru,"uri":"/","client_ip":"192.0.2.1","headers":{}}',
    "a number with a leading zero": '{"a":01,"uri":"/","client_ip":"192.0.2.1","headers":{}}',
    "a number without digits": '{"a":-,"uri":"/","client_ip":"192.0.2.1","headers":{}}',
    "a number that ends with its point": '{"a":1.,"uri":"/","client_ip":"192.0.2.1","headers":{}}',
    "a number with an empty exponent": '{"a":1e,"uri":"/","client_ip":"192.0.2.1","headers":{}}',
    "lists that never end": `{"a":${"[".repeat(200)}`,
    "a continuation byte alone": uriOfBytes(0x80),
    "a byte that never occurs": uriOfBytes(0xff),
    "an overlong slash": uriOfBytes(0xc0, 0xaf),
    "an overlong dot of three bytes": uriOfBytes(0xe0, 0x80, 0xae),
    "a surrogate in bytes": uriOfBytes(0xed, 0xa0, 0x80),
    "a code point too large": uriOfBytes(0xf4, 0x90, 0x80, 0x80),
    "a character cut short": uriOfBytes(0xe2, 0x98),
  }),
  ...unreadableResponses({
    nothing: "",
    "no status": '{"headers":{}}',
    "a status that is null": '{"status":null}',
    "a status that is a word": '{"status":"ok"}',
    "a status that is a list": '{"status":[200]}',
    "a negative status": '{"status":-1}',
    "a status with a fraction": '{"status":200.5}',
    "a status of more than sixteen bits": '{"status":65536}',
    "a status of very many digits": `{"status":${"9".repeat(40)}}`,
    "text behind the end": '{"status":200}}',
  }),
];
