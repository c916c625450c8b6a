import { describe, expect, test } from "bun:test";
import type { Settings } from "../../../src/agent/settings.ts";
import { listOptions } from "../../../src/cli/option.ts";
import { SERVE_OPTIONS } from "../../../src/cli/options.ts";
import { readServeOptions, refusalOf } from "./read-serve-options.ts";

const MODULE = ["--module", "policy.wasm"];
const BUILT_IN_FLAGS = ["help", "version"];
const BUILT_IN_ALIASES = ["h", "V"];

describe("the list of serving options", () => {
  const options = listOptions(SERVE_OPTIONS);

  test("gives every flag, short flag and variable to one option only", () => {
    const names = [
      ...options.map(({ flag }) => `--${flag}`),
      ...options.flatMap(({ alias }) => (alias === undefined ? [] : [`-${alias}`])),
      ...options.map(({ env }) => env),
      ...BUILT_IN_FLAGS.map((flag) => `--${flag}`),
      ...BUILT_IN_ALIASES.map((alias) => `-${alias}`),
    ];
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  test("has a variable and a description for every option, and a placeholder for every value", () => {
    for (const { flag, env, kind, description, placeholder } of options) {
      expect(flag).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(env).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
      expect(description).toEndWith(".");
      expect(placeholder === undefined).toBe(kind.type === "switch");
    }
  });

  test("shows every default in a form that is read back as the same value", () => {
    for (const { flag, kind, fallback, setting } of options) {
      if (!("value" in fallback)) continue;
      const settings = readServeOptions(["--module", "m", `--${flag}=${kind.show(fallback.value)}`]);
      expect(Object.entries(settings)).toContainEqual([setting, fallback.value]);
    }
  });
});

describe("settings", () => {
  test("have these defaults, and cannot be changed any more", () => {
    const settings = readServeOptions(MODULE);
    expect(settings).toEqual({
      modulePath: "policy.wasm",
      configPath: null,
      abi: "auto",
      poolSize: 4,
      isolation: "shared",
      shareInstances: false,
      dispatch: "auto",
      recycleAfterCalls: 0,
      recycleMemoryBytes: 0,
      watch: false,
      socketPath: "/tmp/sentinel-wasm.sock",
      socketMode: 0o660,
      takeover: false,
      maxBufferedBytes: 256 * 1024 * 1024,
      adminSocketPath: null,
      adminAddress: null,
      metricsPath: null,
      decisionLogPath: null,
      decisionLogSample: 1,
      recordPath: null,
      recordRedact: ["authorization", "cookie", "set-cookie"],
      recordMaxBytes: 64 * 1024 * 1024,
      events: null,
      exchangeTimeoutMs: 60_000,
      maxExchanges: 16_384,
      strictInspection: false,
      timeoutMs: 1000,
      startTimeoutMs: 5000,
      maxMemoryBytes: null,
      limits: true,
      entrypoint: null,
      responseEntrypoint: null,
      dataPath: null,
      opaInput: "envoy",
      allowCallouts: [],
      failOpen: false,
      headerCase: "preserve",
      redirectEncoding: "auto",
      onUnsupported: "fail",
      ignoreProxyConfig: false,
      logFormat: "json",
      verbose: false,
      guestLogRate: 100,
      shutdownTimeoutMs: 10_000,
    });
    expect(Object.isFrozen(settings)).toBe(true);
  });

  test.each([
    ["127.0.0.1:9464", { hostname: "127.0.0.1", port: 9464 }],
    ["[::1]:0", { hostname: "::1", port: 0 }],
    ["localhost:80", { hostname: "localhost", port: 80 }],
  ])("take the TCP address %s", (text, address) => {
    expect(readServeOptions([...MODULE, `--admin-address=${text}`]).adminAddress).toEqual(address);
  });

  test.each([
    "9464",
    ":9464",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:65536",
    "::1:9464",
    "http://a:1",
    "a b:1",
  ])("refuse the TCP address %p", (text) => {
    expect(() => readServeOptions([...MODULE, `--admin-address=${text}`])).toThrow(
      "--admin-address must be an address and a port",
    );
  });

  test("log for people on a terminal and for machines elsewhere, unless told otherwise", () => {
    expect(readServeOptions(MODULE, {}, true).logFormat).toBe("pretty");
    expect(readServeOptions(MODULE, {}, false).logFormat).toBe("json");
    expect(readServeOptions([...MODULE, "--log-format=json"], {}, true).logFormat).toBe("json");
    expect(readServeOptions(MODULE, { WASM_LOG_FORMAT: "pretty" }, false).logFormat).toBe("pretty");
  });

  const cases: readonly { argv: string; env: Record<string, string>; setting: Partial<Settings> }[] = [
    { argv: "--module a.wasm", env: { WASM_MODULE: "a.wasm" }, setting: { modulePath: "a.wasm" } },
    {
      argv: "--socket /run/a.sock",
      env: { AGENT_SOCKET: "/run/a.sock" },
      setting: { socketPath: "/run/a.sock" },
    },
    { argv: "--socket-mode 600", env: { WASM_SOCKET_MODE: "0600" }, setting: { socketMode: 0o600 } },
    { argv: "--takeover", env: { WASM_TAKEOVER: "yes" }, setting: { takeover: true } },
    {
      argv: "--max-buffered=64MiB",
      env: { WASM_MAX_BUFFERED: "64MiB" },
      setting: { maxBufferedBytes: 64 * 1024 * 1024 },
    },
    { argv: "--watch", env: { WASM_WATCH: "1" }, setting: { watch: true } },
    {
      argv: "--share-instances",
      env: { WASM_SHARE_INSTANCES: "true" },
      setting: { shareInstances: true },
    },
    {
      argv: "--on-unsupported warn",
      env: { WASM_ON_UNSUPPORTED: "warn" },
      setting: { onUnsupported: "warn" },
    },
    {
      argv: "--isolation per-request",
      env: { WASM_ISOLATION: "per-request" },
      setting: { isolation: "per-request" },
    },
    {
      argv: "--recycle-after 1000",
      env: { WASM_RECYCLE_AFTER: "1000" },
      setting: { recycleAfterCalls: 1000 },
    },
    {
      argv: "--recycle-memory 32MiB",
      env: { WASM_RECYCLE_MEMORY: "33554432" },
      setting: { recycleMemoryBytes: 33_554_432 },
    },
    { argv: "--abi proxy-wasm", env: { WASM_ABI: "Proxy-Wasm" }, setting: { abi: "proxy-wasm" } },
    {
      argv: "--allow-callout authz=http://127.0.0.1:8080 --allow-callout b=https://b.test",
      env: { WASM_ALLOW_CALLOUTS: "authz=http://127.0.0.1:8080/, b=https://b.test:443" },
      setting: {
        allowCallouts: [
          { upstream: "authz", origin: "http://127.0.0.1:8080" },
          { upstream: "b", origin: "https://b.test" },
        ],
      },
    },
    {
      argv: "--on-unsupported warn",
      env: { WASM_ON_UNSUPPORTED: "WARN" },
      setting: { onUnsupported: "warn" },
    },
    { argv: "--guest-log-rate 0", env: { WASM_GUEST_LOG_RATE: "0" }, setting: { guestLogRate: 0 } },
    { argv: "--pool-size 256", env: { WASM_POOL_SIZE: "256" }, setting: { poolSize: 256 } },
    { argv: "--timeout-ms 50", env: { WASM_TIMEOUT_MS: " 50 " }, setting: { timeoutMs: 50 } },
    { argv: "--start-timeout-ms 9", env: { WASM_START_TIMEOUT_MS: "9" }, setting: { startTimeoutMs: 9 } },
    {
      argv: "--max-memory 1MiB",
      env: { WASM_MAX_MEMORY: "1048576" },
      setting: { maxMemoryBytes: 1_048_576 },
    },
    { argv: "--no-limits", env: { WASM_LIMITS: "off" }, setting: { limits: false } },
    {
      argv: "--events request-headers,LOG",
      env: { WASM_EVENTS: "request_headers, request_complete" },
      setting: { events: ["request-headers", "request-complete"] },
    },
    {
      argv: "--exchange-timeout-ms 500",
      env: { WASM_EXCHANGE_TIMEOUT_MS: "500" },
      setting: { exchangeTimeoutMs: 500 },
    },
    { argv: "--max-exchanges 9", env: { WASM_MAX_EXCHANGES: "9" }, setting: { maxExchanges: 9 } },
    {
      argv: "--strict-inspection",
      env: { WASM_STRICT_INSPECTION: "1" },
      setting: { strictInspection: true },
    },
    { argv: "--fail-open", env: { FAIL_OPEN: "1" }, setting: { failOpen: true } },
    {
      argv: "--header-case canonical",
      env: { WASM_HEADER_CASE: "Canonical" },
      setting: { headerCase: "canonical" },
    },
    {
      argv: "--redirect-encoding block",
      env: { WASM_REDIRECT_ENCODING: "block" },
      setting: { redirectEncoding: "block" },
    },
    {
      argv: "--ignore-proxy-config",
      env: { WASM_IGNORE_PROXY_CONFIG: "YES" },
      setting: { ignoreProxyConfig: true },
    },
    { argv: "-v", env: { WASM_VERBOSE: "on" }, setting: { verbose: true } },
    { argv: "--verbose", env: { WASM_VERBOSE: "True" }, setting: { verbose: true } },
    {
      argv: "--shutdown-timeout-ms 0",
      env: { WASM_SHUTDOWN_TIMEOUT_MS: "0" },
      setting: { shutdownTimeoutMs: 0 },
    },
  ];
  for (const { argv, env, setting } of cases) {
    const [variable] = Object.entries(env).map(([name, text]) => `${name}=${text}`);
    const rest = "modulePath" in setting ? [] : MODULE;
    test(`${argv} and ${variable} mean the same`, () => {
      expect(readServeOptions([...argv.split(" "), ...rest])).toMatchObject(setting);
      expect(readServeOptions(rest, env)).toMatchObject(setting);
    });
  }

  test("may be written with a space or an equals sign", () => {
    expect(readServeOptions(["--module=a=b.wasm", "--pool-size=2"])).toMatchObject({
      modulePath: "a=b.wasm",
      poolSize: 2,
    });
  });

  test("come from the flag when there is a variable too, even a wrong one", () => {
    const env = { WASM_MODULE: "env.wasm", FAIL_OPEN: "true", WASM_POOL_SIZE: "many" };
    expect(readServeOptions(["--module", "flag.wasm", "--no-fail-open", "--pool-size=2"], env)).toMatchObject(
      {
        modulePath: "flag.wasm",
        failOpen: false,
        poolSize: 2,
      },
    );
  });

  test("take an empty variable for none", () => {
    expect(readServeOptions(MODULE, { WASM_POOL_SIZE: "", FAIL_OPEN: "" })).toMatchObject({
      poolSize: 4,
      failOpen: false,
    });
    expect(refusalOf([], { WASM_MODULE: "" })[0]).toBe("option-required");
  });

  test("are not disturbed by variables that mean nothing here", () => {
    expect(readServeOptions(MODULE, { HOME: "/", WASM_OTHER: "x" })).toEqual(readServeOptions(MODULE));
  });
});

describe("a switch", () => {
  for (const [text, value] of [
    ["true", true],
    ["1", true],
    ["yes", true],
    ["on", true],
    ["ON", true],
    ["false", false],
    ["0", false],
    ["no", false],
    ["off", false],
    ["No", false],
  ] as const) {
    test(`is ${value ? "on" : "off"} when given "${text}"`, () => {
      expect(readServeOptions([...MODULE, `--fail-open=${text}`]).failOpen).toBe(value);
      expect(readServeOptions([...MODULE, `--limits=${text}`]).limits).toBe(value);
      expect(readServeOptions(MODULE, { FAIL_OPEN: text }).failOpen).toBe(value);
    });
  }

  test("is on by its flag alone and off by --no-", () => {
    expect(readServeOptions([...MODULE, "--limits"]).limits).toBe(true);
    expect(readServeOptions([...MODULE, "--no-limits"]).limits).toBe(false);
    expect(readServeOptions([...MODULE, "--no-verbose"], { WASM_VERBOSE: "1" }).verbose).toBe(false);
  });
});

describe("a size", () => {
  for (const [text, bytes] of [
    ["64KiB", 65_536],
    ["65536", 65_536],
    ["65536B", 65_536],
    ["100KB", 100_000],
    ["16MiB", 16_777_216],
    ["16 mib", 16_777_216],
    ["16MB", 16_000_000],
    ["1GB", 1_000_000_000],
    ["1.5GiB", 1_610_612_736],
    ["4GiB", 4_294_967_296],
  ] as const) {
    test(`${text} is ${bytes} bytes`, () => {
      expect(readServeOptions([...MODULE, "--max-memory", text]).maxMemoryBytes).toBe(bytes);
    });
  }

  for (const text of [
    "",
    "63KiB",
    "65535",
    "4.1GiB",
    "5GiB",
    "64M",
    "64.3",
    "1.00001KiB",
    "-64MiB",
    "1e9",
    "MiB",
    "0x10000",
  ]) {
    test(`"${text}" is refused`, () => {
      const shown = text === "" ? "it is empty" : `"${text}" was given`;
      expect(refusalOf([...MODULE, `--max-memory=${text}`])).toEqual([
        "option-invalid",
        `--max-memory must be a size from 64KiB to 4GiB (KiB, MiB, GiB, KB, MB, GB or bytes), but ${shown}.`,
      ]);
    });
  }
});

describe("a call-out's upstream", () => {
  test("is what stands before the first equals sign", () => {
    const [target] = readServeOptions([
      ...MODULE,
      "--allow-callout",
      "outbound|80||a.test=http://a.test",
    ]).allowCallouts;
    expect(target).toEqual({ upstream: "outbound|80||a.test", origin: "http://a.test" });
  });

  for (const text of [
    "authz",
    "=http://a.test",
    "a=",
    "a=a.test",
    "a=ftp://a.test",
    "a=http://a.test/path",
    "a=http://u:p@a.test",
    "a=http://a.test?q",
  ]) {
    test(`"${text}" is refused`, () => {
      expect(refusalOf([...MODULE, "--allow-callout", text])).toEqual([
        "option-invalid",
        `--allow-callout must be an upstream and where it is, like authz=http://127.0.0.1:8080, but "${text}" was given.`,
      ]);
    });
  }
});

describe("a file mode", () => {
  for (const [text, mode] of [
    ["0660", 0o660],
    ["660", 0o660],
    ["0o600", 0o600],
    ["0", 0],
    ["0777", 0o777],
  ] as const) {
    test(`${text} is octal`, () => {
      expect(readServeOptions([...MODULE, "--socket-mode", text]).socketMode).toBe(mode);
    });
  }

  for (const text of ["1777", "0668", "rw-rw----", "0x1b0", "6.0", "0o"]) {
    test(`"${text}" is refused`, () => {
      expect(refusalOf([...MODULE, "--socket-mode", text])).toEqual([
        "option-invalid",
        `--socket-mode must be octal permission bits from 0000 to 0777, but "${text}" was given.`,
      ]);
    });
  }
});
