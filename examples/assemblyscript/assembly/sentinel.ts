/**
 * The module's side of the JSON ABI: events in, verdicts out, memory for the host. Nothing in here knows a policy, so
 * the file can be taken over unchanged; the entry file exports `alloc` and `dealloc` from it.
 *
 * Every failure throws: the host gets the message and answers by its own policy (`--fail-open` or not). Answering 0
 * instead would mean "allow".
 */

import { decode, equals, equalsFolded, fold, JsonReader, JsonWriter } from "./json";

/** Memory into which the host writes an event. It lies outside what the garbage collector manages. */
export function alloc(size: usize): usize {
  return heap.alloc(size);
}

/** The host gives back what it got from `alloc` or from a handler. */
export function dealloc(pointer: usize, _size: usize): void {
  heap.free(pointer);
}

/** Readable until the handler returns: they lie in the host's event, and only what `get` returns is a copy. */
export class Headers {
  /** Names and values by turns, each a `Text`. */
  private texts: u64[] = [];

  static read(json: JsonReader): Headers {
    const headers = new Headers();
    for (let more = json.open(); more; more = json.more()) {
      headers.texts.push(json.key());
      headers.texts.push(json.text());
    }
    return headers;
  }

  /** The values of a header, whatever the letter case of its name. */
  get(name: string): string[] {
    const values: string[] = [];
    for (let i = this.find(name, 0); i >= 0; i = this.find(name, i + 2)) {
      values.push(decode(this.texts[i + 1]));
    }
    return values;
  }

  has(name: string): bool {
    return this.find(name, 0) >= 0;
  }

  /** The place of the first such name, not before `start`; -1 where there is none. */
  private find(name: string, start: i32): i32 {
    for (let i = start; i < this.texts.length; i += 2) {
      if (equalsFolded(this.texts[i], name)) return i;
    }
    return -1;
  }
}

const NO_HEADERS = new Headers();

export class Request {
  method: string = "";
  uri: string = "";
  clientIp: string = "";
  correlationId: string = "";
  headers: Headers = NO_HEADERS;

  /** Reads the host's JSON, and overwrites it. */
  static read(pointer: usize, length: usize): Request {
    const request = new Request();
    let hasUri = false;
    let hasClientIp = false;
    let hasHeaders = false;
    const json = new JsonReader(pointer, length);
    for (let more = json.open(); more; more = json.more()) {
      const key = json.key();
      if (equals(key, "uri")) {
        request.uri = json.string();
        hasUri = true;
      } else if (equals(key, "client_ip")) {
        request.clientIp = json.string();
        hasClientIp = true;
      } else if (equals(key, "headers")) {
        request.headers = Headers.read(json);
        hasHeaders = true;
      } else if (equals(key, "method")) {
        request.method = json.string();
      } else if (equals(key, "correlation_id")) {
        request.correlationId = json.string();
      } else {
        json.skip();
      }
    }
    json.finish();
    requireKey(hasUri, "uri");
    requireKey(hasClientIp, "client_ip");
    requireKey(hasHeaders, "headers");
    return request;
  }
}

export class Response {
  status: u16 = 0;
  correlationId: string = "";
  headers: Headers = NO_HEADERS;

  /** Reads the host's JSON, and overwrites it. */
  static read(pointer: usize, length: usize): Response {
    const response = new Response();
    let hasStatus = false;
    const json = new JsonReader(pointer, length);
    for (let more = json.open(); more; more = json.more()) {
      const key = json.key();
      if (equals(key, "status")) {
        response.status = json.uint16();
        hasStatus = true;
      } else if (equals(key, "headers")) {
        response.headers = Headers.read(json);
      } else if (equals(key, "correlation_id")) {
        response.correlationId = json.string();
      } else {
        json.skip();
      }
    }
    json.finish();
    requireKey(hasStatus, "status");
    return response;
  }
}

function requireKey(isThere: bool, key: string): void {
  if (!isThere) throw new Error(`the event has no ${key}`);
}

/** Stands for an empty list, which most lists of a verdict stay. */
const NO_TEXTS: string[] = [];

/** The answer to the host. As it comes it allows and changes nothing; the calls can be chained. */
export class Verdict {
  private decision: string = '"allow"';
  private body: string | null = null;
  /** Names and values by turns, here and in the next. */
  private addRequestHeaders: string[] = NO_TEXTS;
  private addResponseHeaders: string[] = NO_TEXTS;
  private removeRequestHeaders: string[] = NO_TEXTS;
  private removeResponseHeaders: string[] = NO_TEXTS;
  private tags: string[] = NO_TEXTS;
  private replacement: string | null = null;
  private isFrameDropped: bool = false;

  block(status: u16, body: string): Verdict {
    this.decision = `"block","status":${status}`;
    this.body = body;
    return this;
  }

  redirect(status: u16, location: string): Verdict {
    this.decision = `"redirect","status":${status}`;
    this.body = location;
    return this;
  }

  /** In place of the bytes of a body event, where the event says `can_replace`. */
  replaceBody(text: string): Verdict {
    this.replacement = text;
    return this;
  }

  /** A WebSocket frame goes no further. */
  dropFrame(): Verdict {
    this.isFrameDropped = true;
    return this;
  }

  tag(tag: string): Verdict {
    this.tags = append(this.tags, tag);
    return this;
  }

  addRequestHeader(name: string, value: string): Verdict {
    this.addRequestHeaders = append(append(this.addRequestHeaders, name), value);
    return this;
  }

  addResponseHeader(name: string, value: string): Verdict {
    this.addResponseHeaders = append(append(this.addResponseHeaders, name), value);
    return this;
  }

  removeRequestHeader(name: string): Verdict {
    this.removeRequestHeaders = append(this.removeRequestHeaders, name);
    return this;
  }

  removeResponseHeader(name: string): Verdict {
    this.removeResponseHeaders = append(this.removeResponseHeaders, name);
    return this;
  }

  /** What a handler returns: where the JSON lies, and how long it is. */
  result(): u64 {
    const json = new JsonWriter();
    json.put('{"decision":');
    json.put(this.decision);
    const body = this.body;
    if (body !== null) {
      json.put(',"body":');
      json.quote(body);
    }
    putObject(json, ',"add_request_headers":{', this.addRequestHeaders);
    putObject(json, ',"add_response_headers":{', this.addResponseHeaders);
    putList(json, ',"remove_request_headers":[', this.removeRequestHeaders);
    putList(json, ',"remove_response_headers":[', this.removeResponseHeaders);
    putList(json, ',"tags":[', this.tags);
    const replacement = this.replacement;
    if (replacement !== null) {
      json.put(',"replace_body":');
      json.quote(replacement);
    }
    if (this.isFrameDropped) json.put(',"frame":"drop"');
    json.put("}");
    return json.result();
  }
}

function append(texts: string[], text: string): string[] {
  if (texts === NO_TEXTS) texts = [];
  texts.push(text);
  return texts;
}

function putObject(json: JsonWriter, opening: string, texts: string[]): void {
  for (let i = 0; i < texts.length; i += 2) {
    json.put(i === 0 ? opening : ",");
    json.quote(texts[i]);
    json.put(":");
    json.quote(texts[i + 1]);
  }
  if (texts.length > 0) json.put("}");
}

function putList(json: JsonWriter, opening: string, texts: string[]): void {
  for (let i = 0; i < texts.length; i++) {
    json.put(i === 0 ? opening : ",");
    json.quote(texts[i]);
  }
  if (texts.length > 0) json.put("]");
}

/** Lower case of A to Z alone, as HTTP compares names. */
export function lowerCase(text: string): string {
  const size = text.length << 1;
  const lower = String.UTF16.decodeUnsafe(changetype<usize>(text), size);
  const start = changetype<usize>(lower);
  for (let at = start; at < start + size; at += 2) store<u16>(at, fold(load<u16>(at)));
  return lower;
}

/** Whether the text contains one of the words, none of which is empty. */
export function containsAny(text: string, words: string[]): bool {
  // A bit for each first character, shared with others: it rules out most places without a look at the words.
  let firsts: u64 = 0;
  for (let i = 0; i < words.length; i++) firsts |= (<u64>1) << (words[i].charCodeAt(0) & 63);
  for (let at = 0; at < text.length; at++) {
    if (((firsts >> (text.charCodeAt(at) & 63)) & 1) === 0) continue;
    for (let i = 0; i < words.length; i++) {
      if (text.startsWith(words[i], at)) return true;
    }
  }
  return false;
}
