/**
 * Filters that call host functions for ever, each with the most work that one call can be given: fuel is taken for that
 * work, so they meet their deadline. Lateness is printed; asserted is only what holds on a busy machine.
 */

import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { EventFailure } from "../../src/event/failure.ts";
import { makeGrantSettings, openGrants } from "../../src/host/grants.ts";
import { textTable } from "../bench/report/text-table.ts";
import { assembleWat } from "../guests/assemble-guest.ts";
import { openPlugin, request } from "../support/proxy-wasm-plugin.ts";

setDefaultTimeout(60_000);

const TIMEOUT_MS = 20;
const SLACK_MS = 1000;
const CALLS = 5;
const MEGABYTE = 1024 * 1024;

/** Imports with as many i32 parameters as the loop passes; all return an i32. */
const LOOPS: Readonly<Record<string, string>> = {
  "log at a level that nobody wants": "proxy_log 0 0 0",
  "log long lines": "proxy_log 2 0 60000",
  "read the clock": "proxy_get_current_time_nanoseconds 0",
  "read all headers": "proxy_get_header_map_pairs 0 0 4",
  "measure all headers": "proxy_get_header_map_size 0 0",
  "read one header": "proxy_get_header_map_value 0 0 5 16 20",
  "add headers": "proxy_add_header_map_value 0 8 4 8 4",
  "replace a pseudo-header": "proxy_replace_header_map_value 0 0 5 8 4",
  "replace all headers by garbage": `proxy_set_header_map_pairs 0 0 ${MEGABYTE}`,
  "read the configuration": "proxy_get_buffer_bytes 7 0 -1 0 4",
  "write to a body that is not there": `proxy_set_buffer_bytes 0 0 0 0 ${MEGABYTE}`,
  "read properties": "proxy_get_property 0 5 16 20",
  "read a property with a long name": "proxy_get_property 0 1000 16 20",
  "set properties": "proxy_set_property 0 5 0 30000",
  "set a megabyte of shared data": `proxy_set_shared_data 0 5 0 ${MEGABYTE} 0`,
  "get shared data": "proxy_get_shared_data 0 5 16 20 24",
  "register queues": "proxy_register_shared_queue 0 5 16",
  "enqueue items": "proxy_enqueue_shared_queue 1 0 1000",
  "dequeue items": "proxy_dequeue_shared_queue 1 16 20",
  "define metrics": "proxy_define_metric 0 0 500 16",
  "begin calls": "proxy_http_call 0 5 0 0 0 0 0 0 1000 16",
  "call foreign functions": "proxy_call_foreign_function 0 5 0 0 16 20",
  "change the tick period": "proxy_set_tick_period_milliseconds 100000",
  "go on": "proxy_continue_stream 0",
  "reply with a megabyte": `proxy_send_local_response 403 0 0 0 ${MEGABYTE} 0 0 -1`,
  "act for another context": "proxy_set_effective_context 1",
};

const rows: string[][] = [];

afterAll(() => {
  const columns = ["a filter that for ever", "best", "median", "worst"];
  process.stdout.write(`\n${textTable({ title: `Late by, in ms, at ${TIMEOUT_MS} ms`, columns, rows })}\n`);
});

function looping(call: string): Promise<Uint8Array<ArrayBuffer>> {
  const [name = "", ...parameters] = call.split(" ");
  return assembleWat(
    "loop",
    `(module
      (import "env" "${name}" (func $call (param ${parameters.map(() => "i32").join(" ")}) (result i32)))
      (memory (export "memory") 32)
      (data (i32.const 0) ":pathname")
      (func (export "proxy_abi_version_0_2_1"))
      (func (export "malloc") (param i32) (result i32) (i32.const 1024))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (loop $forever
          (drop (call $call ${parameters.map((parameter) => `(i32.const ${parameter})`).join(" ")}))
          (br $forever))
        (unreachable)))`,
  );
}

test.each(Object.entries(LOOPS))(
  "a filter whose only work is to %s is stopped at its deadline",
  async (does, call) => {
    const bytes = await looping(call);
    const grants = openGrants(makeGrantSettings());
    const headers = Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [`x-header-${i}`, ["v".repeat(500)]]),
    );
    const late: number[] = [];
    for (let i = 0; i < CALLS; i++) {
      const plugin = await openPlugin(bytes, JSON.stringify("c".repeat(MEGABYTE)), {
        timeoutMs: TIMEOUT_MS,
        grants,
      });
      const exchange = plugin.exchange();
      const startedAtMs = performance.now();
      const outcome = exchange.now(request(headers));
      late.push(performance.now() - startedAtMs - TIMEOUT_MS);
      expect(outcome).toBeInstanceOf(EventFailure);
      expect((outcome as EventFailure).code).toBe("guest-deadline");
      plugin.guest.close();
    }
    late.sort((a, b) => a - b);
    rows.push([does, ...[late[0], late[CALLS >> 1], late.at(-1)].map((ms) => ms?.toFixed(2) ?? "")]);
    expect(late[0]).toBeGreaterThanOrEqual(-0.1);
    expect(late[CALLS >> 1]).toBeLessThan(SLACK_MS);
  },
);
