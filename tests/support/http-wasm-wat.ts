/** Text of http-wasm guests: their imports, a memory, and the handlers that are given. */

const IMPORTS = {
  enable_features: "(param i32) (result i32)",
  get_config: "(param i32 i32) (result i32)",
  log: "(param i32 i32 i32)",
  log_enabled: "(param i32) (result i32)",
  get_method: "(param i32 i32) (result i32)",
  set_method: "(param i32 i32)",
  get_uri: "(param i32 i32) (result i32)",
  set_uri: "(param i32 i32)",
  get_protocol_version: "(param i32 i32) (result i32)",
  get_source_addr: "(param i32 i32) (result i32)",
  get_header_names: "(param i32 i32 i32) (result i64)",
  get_header_values: "(param i32 i32 i32 i32 i32) (result i64)",
  set_header_value: "(param i32 i32 i32 i32 i32)",
  add_header_value: "(param i32 i32 i32 i32 i32)",
  remove_header: "(param i32 i32 i32)",
  read_body: "(param i32 i32 i32) (result i64)",
  write_body: "(param i32 i32 i32)",
  get_status_code: "(result i32)",
  set_status_code: "(param i32)",
} as const;

export type HttpWasmImport = keyof typeof IMPORTS;

export interface HttpWasmWat {
  /** By default those that the guest calls. */
  readonly imports?: readonly HttpWasmImport[];
  /** Texts in memory, one after the other from 16 on: `$name` pushes pointer and length where `(text name)` stands. */
  readonly texts?: Readonly<Record<string, string>>;
  /** The body of handle_request. By default the request goes on with the number 0. */
  readonly request?: string;
  /** The body of handle_response, with the parameters $context and $is_error. */
  readonly response?: string;
  /** Further definitions. */
  readonly more?: string;
}

/** What a handler returns for a request that goes on. */
export const NEXT = "(i64.const 1)";
export const OWN_ANSWER = "(i64.const 0)";
/** Where guests put what they read. */
export const READ_AT = 4096;

export function httpWasmWat({
  imports,
  texts = {},
  request = NEXT,
  response = "",
  more = "",
}: HttpWasmWat): string {
  const imported = imports ?? calledImports(`${request}${response}${more}`);
  let at = 16;
  const data: string[] = [];
  const places = new Map<string, string>();
  for (const [name, text] of Object.entries(texts)) {
    const bytes = Buffer.from(text);
    data.push(
      `(data (i32.const ${at}) "${[...bytes].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("")}")`,
    );
    places.set(name, `(i32.const ${at}) (i32.const ${bytes.length})`);
    at += bytes.length;
  }
  const placed = (code: string): string =>
    code.replace(/\(text (\w+)\)/g, (_match, name: string) => {
      const place = places.get(name);
      if (place === undefined) throw new Error(`the guest has no text ${name}`);
      return place;
    });
  return `(module
  ${imported.map((name) => `(import "http_handler" "${name}" (func $${name} ${IMPORTS[name]}))`).join("\n  ")}
  (memory (export "memory") 2)
  ${data.join("\n  ")}
  ${placed(more)}
  (func $handle_request (export "handle_request") (result i64) ${placed(request)})
  (func $handle_response (export "handle_response") (param $context i32) (param $is_error i32) ${placed(response)}))`;
}

function calledImports(code: string): HttpWasmImport[] {
  const called = new Set([...code.matchAll(/\(call \$(\w+)/g)].map(([, name]) => name));
  return (Object.keys(IMPORTS) as HttpWasmImport[]).filter((name) => called.has(name));
}

/** Statements for handlers. */
export const wat = {
  enable: (features: number) => `(drop (call $enable_features (i32.const ${features})))`,
  setHeader: (kind: number, name: string, value: string) =>
    `(call $set_header_value (i32.const ${kind}) (text ${name}) (text ${value}))`,
  addHeader: (kind: number, name: string, value: string) =>
    `(call $add_header_value (i32.const ${kind}) (text ${name}) (text ${value}))`,
  write: (kind: number, text: string) => `(call $write_body (i32.const ${kind}) (text ${text}))`,
  empty: (kind: number) => `(call $write_body (i32.const ${kind}) (i32.const 0) (i32.const 0))`,
  status: (status: number) => `(call $set_status_code (i32.const ${status}))`,
  log: (text: string) => `(call $log (i32.const 0) (text ${text}))`,
  /** Reads a whole body and logs it. */
  logBody: (kind: number) =>
    `(call $log (i32.const 0) (i32.const ${READ_AT})
      (i32.wrap_i64 (call $read_body (i32.const ${kind}) (i32.const ${READ_AT}) (i32.const 65536))))`,
  /** Reads a whole body and writes it back, with this text behind it. */
  append: (kind: number, text: string) =>
    `(call $write_body (i32.const ${kind}) (i32.const ${READ_AT})
      (i32.wrap_i64 (call $read_body (i32.const ${kind}) (i32.const ${READ_AT}) (i32.const 65536))))
     (call $write_body (i32.const ${kind}) (text ${text}))`,
} as const;
