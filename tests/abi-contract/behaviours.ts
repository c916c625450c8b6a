/**
 * What the guests of the contract suite do. Every ABI brings one guest for each, and says in its own way what is asked
 * of it here; an ABI that cannot is an exception with a reason (descriptor.ts).
 */

/** A guest acts on a request whose URI contains this, and allows all others; bodies likewise. */
export const MARKER = "boom";

export const BEHAVIOURS = {
  block: `blocks a request with 403 and the body "no" if its URI contains "${MARKER}"`,
  "request-header": 'sets the request header "x-guest" to "seen"',
  "response-header":
    'sets the response header "x-guest" to "seen" when it is called for the response headers',
  remember:
    'sets the response header "x-uri", when it is called for the response headers, to the URI of the request of the same exchange',
  "block-body": `blocks with 403 and the body "no" when it is called for a request body that contains "${MARKER}"`,
  loop: `never returns if the URI contains "${MARKER}"`,
  trap: `traps if the URI contains "${MARKER}"`,
  grow: `asks for 128 MiB more of memory if the URI contains "${MARKER}", and traps when it gets them`,
  "bad-result": `answers what the ABI does not allow if the URI contains "${MARKER}"`,
  configure: `refuses a configuration that contains "refuse"; blocks every request with 403 and the body "no" once it was configured with a text that contains "block", until it is configured otherwise; traps if the URI contains "${MARKER}"`,
  count:
    'allows the first request that the instance is called for, and blocks the others with 403 and the body "no"',
  "trap-at-start": "traps when an instance of it starts",
} as const satisfies Readonly<Record<string, string>>;

export type Behaviour = keyof typeof BEHAVIOURS;
