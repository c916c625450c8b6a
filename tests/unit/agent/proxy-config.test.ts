import { describe, expect, test } from "bun:test";
import { ProxyConfig } from "../../../src/agent/proxy-config.ts";
import { EventFailure } from "../../../src/event/failure.ts";
import { RecordedLog } from "../../support/recorded-log.ts";

const ACCEPTED = { accepted: true } as const;
const APPLIED = "the proxy's configuration was applied";

function open(options: { readonly isIgnored?: boolean } = {}) {
  const applied: [string, unknown][] = [];
  const guest: { refusal: EventFailure | null } = { refusal: null };
  const log = new RecordedLog();
  const config = new ProxyConfig(
    {
      configureGuest: (json) => {
        applied.push(["guest", json]);
        return guest.refusal;
      },
      setFailOpen: (failOpen) => applied.push(["fail-open", failOpen]),
      setPoolSize: (size) => applied.push(["pool-size", size]),
      setEvents: (kinds) => applied.push(["events", kinds]),
    },
    { isIgnored: options.isIgnored ?? false, log },
  );
  return { config, applied, guest, log };
}

test("the guest is asked first, with the whole block, then the agent's own keys are applied", () => {
  const { config, applied, log } = open();
  expect(config.apply({ "fail-open": true, other: [1], "pool-size": 8 })).toEqual(ACCEPTED);
  expect(applied).toEqual([
    ["guest", '{"fail-open":true,"other":[1],"pool-size":8}'],
    ["fail-open", true],
    ["pool-size", 8],
  ]);
  expect(log.lines).toEqual([
    { level: "info", message: APPLIED, fields: {} },
    {
      level: "warn",
      message: "keys of the proxy's configuration that mean nothing to the agent were left to the module",
      fields: { keys: "other" },
    },
  ]);
});

describe("events", () => {
  test.each<[unknown, string[]]>([
    ["request_headers", ["request-headers"]],
    [
      ["request_headers", "request-body", "log"],
      ["request-headers", "request-body-chunk", "request-complete"],
    ],
    [[], []],
  ])("%j are what the proxy sends", (events, kinds) => {
    const { config, applied, log } = open();
    expect(config.apply({ events })).toEqual(ACCEPTED);
    expect(applied.slice(1)).toEqual([["events", kinds]]);
    expect(log.messages("warn")).toEqual([]);
  });

  test.each([[true], ["bodies"], [["request_headers", 5]], [{ request_headers: true }], [null]])(
    "%j change nothing, which a warning says",
    (events) => {
      const { config, applied, log } = open();
      expect(config.apply({ events })).toEqual({
        accepted: true,
        problem: { error: expect.stringContaining("events must be names of events"), field: "events" },
      });
      expect(applied).toHaveLength(1);
      expect(log.lines.filter(({ level }) => level === "warn")).toMatchObject([
        { fields: { key: "events" } },
      ]);
    },
  );
});

describe("the same content", () => {
  test("again changes nothing", () => {
    const { config, applied } = open();
    for (let i = 0; i < 4; i++) expect(config.apply({ "pool-size": 8 })).toEqual(ACCEPTED);
    expect(applied).toHaveLength(2);
  });

  test("after other content counts as new", () => {
    const { config, applied } = open();
    config.apply({ "pool-size": 8 });
    config.apply({ "pool-size": 2 });
    config.apply({ "pool-size": 8 });
    expect(applied.filter(([what]) => what === "pool-size")).toEqual([
      ["pool-size", 8],
      ["pool-size", 2],
      ["pool-size", 8],
    ]);
  });

  test("that was refused is asked for anew", () => {
    const { config, guest } = open();
    guest.refusal = new EventFailure("guest-no-instance", "not now");
    expect(config.apply({ a: 1 })).toEqual({ accepted: false, reason: "not now" });
    guest.refusal = null;
    expect(config.apply({ a: 1 })).toEqual(ACCEPTED);
  });
});

test("a guest's refusal applies nothing and is logged with its code", () => {
  const { config, applied, guest, log } = open();
  guest.refusal = new EventFailure(
    "guest-configuration-refused",
    "the module's on_configure answered 7; 0 accepts",
  );
  expect(config.apply({ "pool-size": 8 })).toEqual({
    accepted: false,
    reason: "the module's on_configure answered 7; 0 accepts",
  });
  expect(applied).toEqual([["guest", '{"pool-size":8}']]);
  expect(log.lines).toEqual([
    {
      level: "error",
      message: "the module refused the proxy's configuration",
      fields: {
        code: "guest-configuration-refused",
        reason: "the module's on_configure answered 7; 0 accepts",
      },
    },
  ]);
});

test("no configuration at all is accepted without asking anybody", () => {
  const { config, applied, log } = open();
  expect(config.apply(null)).toEqual(ACCEPTED);
  expect(applied).toEqual([]);
  expect(log.lines).toEqual([]);
});

test.each([[[1, 2]], ["text"], [5], [true]])("%j is left to the guest", (block) => {
  const { config, applied, log } = open();
  const error = "the proxy's configuration is not an object; nothing of it applies to the agent";
  expect(config.apply(block)).toEqual({ accepted: true, problem: { error, field: null } });
  expect(applied).toEqual([["guest", JSON.stringify(block)]]);
  expect(log.messages("warn")).toEqual([error]);
});

test.each([
  ["fail-open", 1, "true or false"],
  ["fail-open", "true", "true or false"],
  ["fail-open", null, "true or false"],
  ["pool-size", 0, "an integer from 1 to 256"],
  ["pool-size", 257, "an integer from 1 to 256"],
  ["pool-size", 1.5, "an integer from 1 to 256"],
  ["pool-size", "4", "an integer from 1 to 256"],
])("%s cannot be %p: it stays as it is, and log and proxy are told", (key, value, expected) => {
  const { config, applied, log } = open();
  const error = `${key} must be ${expected}, got ${JSON.stringify(value)}; it was left as it is`;
  expect(config.apply({ [key]: value })).toEqual({ accepted: true, problem: { error, field: key } });
  expect(applied.map(([what]) => what)).toEqual(["guest"]);
  expect(log.lines).toContainEqual({
    level: "warn",
    message: "a key of the proxy's configuration has a value that cannot be used; it was left as it is",
    fields: { key, expected, received: JSON.stringify(value) },
  });
});

test("several keys that cannot be used are one problem, told to each connection that brings them", () => {
  const { config, applied } = open();
  const outcome = {
    accepted: true,
    problem: {
      error:
        'fail-open must be true or false, got 1; it was left as it is; pool-size must be an integer from 1 to 256, got "4"; it was left as it is',
      field: null,
    },
  } as const;
  for (let i = 0; i < 2; i++) expect(config.apply({ "fail-open": 1, "pool-size": "4" })).toEqual(outcome);
  expect(applied).toHaveLength(1);
});

test("ignored, it is accepted, and neither agent nor guest hear of it", () => {
  const { config, applied, log } = open({ isIgnored: true });
  expect(config.apply({ "pool-size": 8 })).toEqual(ACCEPTED);
  expect(config.apply({ "pool-size": 8 })).toEqual(ACCEPTED);
  expect(applied).toEqual([]);
  expect(log.messages("warn")).toEqual([
    "the proxy's configuration was ignored, as --ignore-proxy-config says",
  ]);
});
