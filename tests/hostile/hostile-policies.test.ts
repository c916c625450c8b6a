/**
 * Policies of OPA and plug-ins of http-wasm that misbehave on a large request, in a served agent: the request fails with the
 * code of its failure, and everybody else's are answered as before. A call of a plug-in is never stopped before its deadline,
 * so what shares its thread may miss its own meanwhile (docs/security.md, Known limits), and nothing worse.
 */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { watPolicy } from "../opa/wat-policy.ts";
import { assembleWat } from "../guests/assemble-guest.ts";
import { httpWasmWat, NEXT, READ_AT } from "../support/http-wasm-wat.ts";
import { POISON_PADDING } from "./guarded-guest.ts";
import { HostileAgent } from "./hostile-agent.ts";
import { isPlainAllow, otherRequestsDuring } from "./other-requests.ts";
import { TimedClient } from "./timed-client.ts";

/** Processes are started here, on a machine that may be busy. */
setDefaultTimeout(60_000);

/** Longer than a busy machine pauses a thread. */
const TIMEOUT_MS = 500;
/** For what comes to an end by itself. */
const LONG_TIMEOUT_MS = 5000;
const OTHER_REQUESTS = 300;
const POISON_PER_PROTOCOL = 3;
/** Beyond any memory that these guests can have. */
const OUTSIDE = "(i32.const 0x7fff0000)";

/** In an answer, as JSON. */
const MISSED_DEADLINE = /"reasonCodes":\["(?:queue-timeout|guest-no-instance)"\]/;

/** Without end: each level needs stack. */
const DEEPER = `
  (func $deeper (param $n i32) (result i32)
    (i32.add (i32.const 1) (call $deeper (i32.add (local.get $n) (i32.const 1)))))`;
const GROW_UNTIL_REFUSED = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))";

interface Row {
  readonly does: string;
  /** Statements, which may leave the function. */
  readonly code: string;
  /** Null: an allow. */
  readonly failure: string | null;
}

const BOTH: readonly Row[] = [
  { does: "loops for ever", code: "(loop $forever (br $forever))", failure: "guest-deadline" },
  { does: "traps", code: "(unreachable)", failure: "guest-trap" },
  {
    does: "calls itself without end",
    code: "(drop (call $deeper (i32.const 0)))",
    failure: "guest-stack-overflow",
  },
  { does: "grows its memory until it is refused", code: GROW_UNTIL_REFUSED, failure: null },
];

const OF_POLICIES: readonly Row[] = [
  ...BOTH,
  { does: "aborts", code: "(call $opa_abort (i32.const 512))", failure: "guest-abort" },
  {
    does: "aborts with a text outside of memory",
    code: `(call $opa_abort ${OUTSIDE})`,
    failure: "guest-abort",
  },
  {
    does: "has its result outside of memory",
    code: `(return ${OUTSIDE})`,
    failure: "guest-result-out-of-bounds",
  },
  {
    does: "has a result without an end",
    code: `(memory.fill (i32.const 40000) (i32.const 32)
      (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 40000))) (return (i32.const 40000))`,
    failure: "guest-result-too-large",
  },
  {
    does: "calls a built-in function that it did not declare",
    code: "(drop (call $builtin1 (i32.const 8) (i32.const 0) (i32.const 512)))",
    failure: "guest-trap",
  },
];

const OF_PLUGINS: readonly Row[] = [
  ...BOTH,
  {
    does: "logs what lies outside of memory",
    code: `(call $log (i32.const 0) ${OUTSIDE} (i32.const 8))`,
    failure: "guest-host-call",
  },
  {
    does: "writes a body of a negative length",
    code: "(call $write_body (i32.const 1) (i32.const 16) (i32.const -1))",
    failure: "guest-host-call",
  },
  {
    does: "reads a header to where no memory is",
    code: `(drop (call $get_header_values (i32.const 0) (text padding) ${OUTSIDE} (i32.const 65536)))`,
    failure: "guest-host-call",
  },
  {
    does: "has a header's value end outside of memory",
    code: "(call $set_header_value (i32.const 0) (text padding) (i32.const 16) (i32.const 0x7fffffff))",
    failure: "guest-host-call",
  },
  {
    does: "reads a header for ever",
    code: `(loop $forever
      (drop (call $get_header_values (i32.const 0) (text padding) (i32.const ${READ_AT}) (i32.const 65536)))
      (br $forever))`,
    failure: "guest-deadline",
  },
];

const policy = ({ code }: Row) =>
  watPolicy("hostile", {
    more: DEEPER,
    eval: `(if (i32.gt_u (local.get $length) (i32.const ${POISON_PADDING / 2})) (then ${code}))
      (call $decide_true)`,
  });

const plugin = ({ code }: Row) =>
  assembleWat(
    "hostile",
    httpWasmWat({
      texts: { padding: "x-padding" },
      more: DEEPER,
      request: `
        (if (i64.ne (i64.const 0)
              (call $get_header_values (i32.const 0) (text padding) (i32.const ${READ_AT}) (i32.const 65536)))
          (then ${code}))
        ${NEXT}`,
    }),
  );

describe.each([
  { kind: "policy", rows: OF_POLICIES, make: policy, isStoppedEarly: true },
  { kind: "plug-in", rows: OF_PLUGINS, make: plugin, isStoppedEarly: false },
])("a $kind that", ({ rows, make, isStoppedEarly }) => {
  test.each([...rows])("$does is contained", async (row) => {
    const holdsThread = row.failure === "guest-deadline";
    await using agent = await HostileAgent.start({
      module: await make(row),
      flags: [
        "--timeout-ms",
        String(holdsThread ? TIMEOUT_MS : LONG_TIMEOUT_MS),
        "--events",
        "request_headers",
      ],
    });
    using v1 = await TimedClient.connect(agent.socketPath, 1);
    using v2 = await TimedClient.connect(agent.socketPath, 2);
    const poison = async () => {
      const answers = [];
      for (let count = 0; count < POISON_PER_PROTOCOL; count++) {
        for (const client of [v1, v2]) answers.push(await client.ask("request", { padding: POISON_PADDING }));
      }
      return answers;
    };
    const poisoned = poison();
    const others = await otherRequestsDuring(agent.socketPath, OTHER_REQUESTS, poisoned, ["request"]);
    const isHeldUp = holdsThread && !isStoppedEarly;
    expect(others.wrong.filter((answer) => !(isHeldUp && MISSED_DEADLINE.test(answer)))).toEqual([]);
    for (const { answer } of await poisoned) {
      if (row.failure === null) expect(isPlainAllow(answer)).toBe(true);
      else {
        expect(answer).toMatchObject({
          decision: { block: { status: 500, body: "Wasm Error" } },
          reasonCodes: [row.failure],
        });
      }
    }
    const afterwards = await otherRequestsDuring(agent.socketPath, OTHER_REQUESTS, poisoned, ["request"]);
    expect(afterwards.wrong).toEqual([]);
    expect(await agent.stop()).toBe(0);
  });
});
