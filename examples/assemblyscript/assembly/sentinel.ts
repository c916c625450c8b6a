/**
 * The module's side of the JSON ABI: events in, verdicts out, memory for the host. Nothing in here knows a policy, so
 * the file can be taken over unchanged; the entry file exports `alloc` and `dealloc` from it.
 *
 * Every failure throws: the host gets the message and answers by its own policy (`--fail-open` or not). Answering 0
 * instead would mean "allow".
 */

import { JsonReader, quote } from "./json";

/** Memory into which the host writes an event. It lies outside what the garbage collector manages. */
export function alloc(size: usize): usize {
  return heap.alloc(size);
}

/** The host gives back what it got from `alloc` or from a handler. */
export function dealloc(pointer: usize, _size: usize): void {
  heap.free(pointer);
}

class Header {
  constructor(
    readonly name: string,
    readonly value: string,
  ) {}
}

export class Headers {
  private list: Header[] = [];

  static read(json: JsonReader): Headers {
    const headers = new Headers();
    for (let more = json.open(); more; more = json.more()) {
      const name = json.key();
      headers.list.push(new Header(name, json.string()));
    }
    return headers;
  }

  /** The values of a header, whatever the letter case of its name. */
  get(name: string): string[] {
    const values: string[] = [];
    for (let i = 0; i < this.list.length; i++) {
      const header = this.list[i];
      if (header.name.length === name.length && lowerCase(header.name) === lowerCase(name)) {
        values.push(header.value);
      }
    }
    return values;
  }

  has(name: string): bool {
    return this.get(name).length > 0;
  }
}

export class Request {
  method: string = "";
  uri: string = "";
  clientIp: string = "";
  correlationId: string = "";
  headers: Headers = new Headers();

  /** Reads the host's JSON, and overwrites it. */
  static read(pointer: usize, length: usize): Request {
    const request = new Request();
    const seen = new Set<string>();
    const json = new JsonReader(pointer, length);
    for (let more = json.open(); more; more = json.more()) {
      const key = json.key();
      seen.add(key);
      if (key === "method") request.method = json.string();
      else if (key === "uri") request.uri = json.string();
      else if (key === "client_ip") request.clientIp = json.string();
      else if (key === "correlation_id") request.correlationId = json.string();
      else if (key === "headers") request.headers = Headers.read(json);
      else json.skip();
    }
    json.finish();
    requireKeys(seen, ["uri", "client_ip", "headers"]);
    return request;
  }
}

export class Response {
  status: u16 = 0;
  correlationId: string = "";
  headers: Headers = new Headers();

  /** Reads the host's JSON, and overwrites it. */
  static read(pointer: usize, length: usize): Response {
    const response = new Response();
    const seen = new Set<string>();
    const json = new JsonReader(pointer, length);
    for (let more = json.open(); more; more = json.more()) {
      const key = json.key();
      seen.add(key);
      if (key === "status") response.status = json.uint16();
      else if (key === "correlation_id") response.correlationId = json.string();
      else if (key === "headers") response.headers = Headers.read(json);
      else json.skip();
    }
    json.finish();
    requireKeys(seen, ["status"]);
    return response;
  }
}

/** The answer to the host. As it comes it allows and changes nothing; the calls can be chained. */
export class Verdict {
  private decision: string = '"decision":"allow"';
  private addRequestHeaders: string[] = [];
  private addResponseHeaders: string[] = [];
  private removeRequestHeaders: string[] = [];
  private removeResponseHeaders: string[] = [];
  private tags: string[] = [];

  block(status: u16, body: string): Verdict {
    this.decision = `"decision":"block","status":${status},"body":${quote(body)}`;
    return this;
  }

  redirect(status: u16, location: string): Verdict {
    this.decision = `"decision":"redirect","status":${status},"body":${quote(location)}`;
    return this;
  }

  tag(tag: string): Verdict {
    this.tags.push(quote(tag));
    return this;
  }

  addRequestHeader(name: string, value: string): Verdict {
    this.addRequestHeaders.push(`${quote(name)}:${quote(value)}`);
    return this;
  }

  addResponseHeader(name: string, value: string): Verdict {
    this.addResponseHeaders.push(`${quote(name)}:${quote(value)}`);
    return this;
  }

  removeRequestHeader(name: string): Verdict {
    this.removeRequestHeaders.push(quote(name));
    return this;
  }

  removeResponseHeader(name: string): Verdict {
    this.removeResponseHeaders.push(quote(name));
    return this;
  }

  /** What a handler returns: where the JSON lies, and how long it is. */
  result(): u64 {
    const json =
      `{${this.decision}` +
      `,"add_request_headers":{${this.addRequestHeaders.join(",")}}` +
      `,"add_response_headers":{${this.addResponseHeaders.join(",")}}` +
      `,"remove_request_headers":[${this.removeRequestHeaders.join(",")}]` +
      `,"remove_response_headers":[${this.removeResponseHeaders.join(",")}]` +
      `,"tags":[${this.tags.join(",")}]}`;
    const length = String.UTF8.byteLength(json);
    const pointer = heap.alloc(length);
    String.UTF8.encodeUnsafe(changetype<usize>(json), json.length, pointer);
    return ((<u64>pointer) << 32) | length;
  }
}

/** Lower case of A to Z alone, as HTTP compares names. (`toLowerCase` would take the Kelvin sign for a k.) */
export function lowerCase(text: string): string {
  const units = new StaticArray<u16>(text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    units[i] = <u16>(unit >= 0x41 && unit <= 0x5a ? unit + 0x20 : unit);
  }
  return String.UTF16.decodeUnsafe(changetype<usize>(units), units.length << 1);
}

function requireKeys(seen: Set<string>, keys: string[]): void {
  for (let i = 0; i < keys.length; i++) {
    if (!seen.has(keys[i])) throw new Error(`the event has no ${keys[i]}`);
  }
}
