import { describe, expect, test } from "bun:test";
import { refusalOf } from "./read-serve-options.ts";

const WHOLE_POOL = "--pool-size must be a whole number from 1 to 256";

interface Refusal {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env?: Record<string, string>;
  readonly refusal: ReturnType<typeof refusalOf>;
}

const REFUSALS: readonly Refusal[] = [
  {
    name: "no module",
    argv: [],
    refusal: ["option-required", "--module is missing; give --module <file> or set WASM_MODULE."],
  },
  {
    name: "a module with an empty path",
    argv: ["--module="],
    refusal: ["option-invalid", "--module must be a path, but it is empty."],
  },
  {
    name: "an event that no proxy sends",
    argv: ["--module", "m", "--events", "request_headers,bodies"],
    refusal: [
      "option-invalid",
      '--events must be names of events separated by commas (request_headers, request_body, response_headers, response_body, websocket_frame, guardrail and log), but "request_headers,bodies" was given.',
    ],
  },
  {
    name: "an option at the end without its value",
    argv: ["--module"],
    refusal: ["option-value-missing", "--module needs a value: a path."],
  },
  {
    name: "an option followed by another in the place of its value",
    argv: ["--module", "--verbose"],
    refusal: ["option-value-missing", "--module needs a value: a path."],
  },
  {
    name: "a misspelt option, even before its value is looked at",
    argv: ["--modul", "policy.wasm"],
    refusal: ["option-unknown", "Unknown option --modul; did you mean --module?"],
  },
  {
    name: "two letters swapped",
    argv: ["--pool-szie=3"],
    refusal: ["option-unknown", "Unknown option --pool-szie; did you mean --pool-size?"],
  },
  {
    name: "the beginning of an option",
    argv: ["--shutdown", "3"],
    refusal: ["option-unknown", "Unknown option --shutdown; did you mean --shutdown-timeout-ms?"],
  },
  {
    name: "an option written with capitals",
    argv: ["--failOpen"],
    refusal: ["option-unknown", "Unknown option --failOpen; did you mean --fail-open?"],
  },
  {
    name: "an option written with underscores",
    argv: ["--header_case=preserve"],
    refusal: ["option-unknown", "Unknown option --header_case; did you mean --header-case?"],
  },
  {
    name: "a long option with one dash",
    argv: ["-module", "x"],
    refusal: ["option-unknown", "Unknown option -m."],
  },
  {
    name: "an option of the agent that listened on TCP",
    argv: ["--grpc-address", "0.0.0.0:50051"],
    refusal: ["option-unknown", "Unknown option --grpc-address; did you mean --socket?"],
  },
  {
    name: "a misspelt negated switch",
    argv: ["--no-limit"],
    refusal: ["option-unknown", "Unknown option --no-limit; did you mean --no-limits?"],
  },
  {
    name: "a negated option that is no switch",
    argv: ["--no-socket"],
    refusal: ["option-unknown", "Unknown option --no-socket; did you mean --socket?"],
  },
  {
    name: "an option like no other",
    argv: ["--frobnicate"],
    refusal: ["option-unknown", "Unknown option --frobnicate."],
  },
  {
    name: "an unknown short option beside a known one",
    argv: ["-vx"],
    refusal: ["option-unknown", "Unknown option -x."],
  },
  {
    name: "an option whose name is an object's own business",
    argv: ["--__proto__=x"],
    refusal: ["option-unknown", "Unknown option --__proto__."],
  },
  {
    name: "an option made of terminal control",
    argv: ["--\u001b[31m\nforged"],
    refusal: ["option-unknown", 'Unknown option "--\\u001b[31m\\nforged".'],
  },
  {
    name: "an option given twice",
    argv: ["--module", "a", "--module=b"],
    refusal: ["option-repeated", "--module is given more than once; give it once."],
  },
  {
    name: "a switch given by both of its names",
    argv: ["-v", "--verbose"],
    refusal: ["option-repeated", "--verbose is given more than once; give it once."],
  },
  {
    name: "a switch given and negated",
    argv: ["--limits", "--no-limits"],
    refusal: ["option-repeated", "--limits is given more than once; give it once."],
  },
  {
    name: "a negated switch with a value",
    argv: ["--no-limits=false"],
    refusal: ["option-value-unexpected", "--no-limits takes no value; write --no-limits alone."],
  },
  {
    name: "a switch with an unclear value",
    argv: ["--fail-open=maybe", "--module=m"],
    refusal: [
      "option-invalid",
      '--fail-open must be true or false (or 1/0, yes/no, on/off), but "maybe" was given.',
    ],
  },
  {
    name: "a switch with an empty value",
    argv: ["--fail-open=", "--module=m"],
    refusal: [
      "option-invalid",
      "--fail-open must be true or false (or 1/0, yes/no, on/off), but it is empty.",
    ],
  },
  {
    name: "a switch with its value set apart",
    argv: ["--fail-open", "true"],
    refusal: [
      "argument-unexpected",
      'Unexpected argument "true": --fail-open takes its value with an equals sign, as in --fail-open=false.',
    ],
  },
  {
    name: "an argument that belongs to nothing",
    argv: ["--module", "a.wasm", "b.wasm"],
    refusal: [
      "argument-unexpected",
      'Unexpected argument "b.wasm": values follow their option, and a command comes first.',
    ],
  },
  {
    name: "an argument after the end of options",
    argv: ["--module=a.wasm", "--", "--verbose"],
    refusal: [
      "argument-unexpected",
      'Unexpected argument "--verbose": values follow their option, and a command comes first.',
    ],
  },
  ...["0", "257", "-1", "4.5", "4x", "1e2", "0x10", "９", "NaN", "9".repeat(400)].map((text) => ({
    name: `a pool size of ${text.slice(0, 10)}`,
    argv: ["--module=m", "--pool-size", text],
    refusal: [
      "option-invalid" as const,
      `${WHOLE_POOL}, but "${text.length > 200 ? `${text.slice(0, 199)}…` : text}" was given.`,
    ] as [never, string],
  })),
  {
    name: "a timeout of zero",
    argv: ["--module=m", "--timeout-ms=0"],
    refusal: ["option-invalid", '--timeout-ms must be a whole number from 1 to 3600000, but "0" was given.'],
  },
  {
    name: "a word that is no choice",
    argv: ["--module=m", "--redirect-encoding", "both"],
    refusal: ["option-invalid", '--redirect-encoding must be auto, block or redirect, but "both" was given.'],
  },
  {
    name: "a value made of terminal control",
    argv: ["--module=m", "--log-format=\u001b]0;x\u0007\n"],
    refusal: [
      "option-invalid",
      '--log-format must be pretty or json, but "\\u001b]0;x\\u0007\\n" was given.',
    ],
  },
  {
    name: "a variable with a wrong number",
    argv: ["--module=m"],
    env: { WASM_POOL_SIZE: "many" },
    refusal: ["option-invalid", 'WASM_POOL_SIZE must be a whole number from 1 to 256, but "many" was given.'],
  },
  {
    name: "a variable with a wrong switch",
    argv: ["--module=m"],
    env: { FAIL_OPEN: "enabled" },
    refusal: [
      "option-invalid",
      'FAIL_OPEN must be true or false (or 1/0, yes/no, on/off), but "enabled" was given.',
    ],
  },
];

describe("a command line is refused for", () => {
  for (const { name, argv, env, refusal } of REFUSALS) {
    test(name, () => expect(refusalOf(argv, env)).toEqual(refusal));
  }
});
