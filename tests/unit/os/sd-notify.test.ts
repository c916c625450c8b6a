import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findLoadedLibc } from "../../../src/os/libc.ts";
import { SdNotify } from "../../../src/os/sd-notify.ts";
import { encodeSocketAddress } from "../../../src/os/unix-address.ts";
import { DatagramReceiver } from "../telemetry/datagram-receiver.ts";
import { RecordedLog } from "../telemetry/recorded-log.ts";

// The service manager exists on Linux alone.
describe.if(process.platform === "linux")("SdNotify", () => {
  let folder: string;
  let log: RecordedLog;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sd-notify-"));
    log = new RecordedLog();
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  for (const [where, addressIn] of [
    ["a socket file", (name: string) => join(folder, name)],
    ["the abstract name space", (name: string) => `@${join(folder, name)}`],
  ] as const) {
    test(`tells a receiver on ${where} when it is ready and when it stops`, () => {
      const address = addressIn("notify");
      using receiver = new DatagramReceiver(address);
      const notify = new SdNotify({ address, log });
      notify.ready();
      notify.status("serving\nREADY=0");
      notify.stopping();
      expect([receiver.receive(), receiver.receive(), receiver.receive(), receiver.receive()]).toEqual([
        "READY=1",
        "STATUS=serving READY=0",
        "STOPPING=1",
        null,
      ]);
      expect(log.lines).toEqual([]);
    });
  }

  test("says on the monotonic clock when a reload began", () => {
    const address = join(folder, "notify");
    using receiver = new DatagramReceiver(address);
    const notify = new SdNotify({ address, log });
    notify.reloading();
    notify.reloading();
    const [first, second] = [receiver.receive(), receiver.receive()].map((datagram) =>
      Number(/^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(datagram ?? "")?.[1]),
    );
    expect(first).toBeGreaterThan(0);
    expect(second).toBeGreaterThanOrEqual(first ?? 0);
  });

  test("does nothing when no service manager asked for it", () => {
    new SdNotify({ address: undefined, log }).ready();
    new SdNotify({ address: "", log }).stopping();
    expect(log.lines).toEqual([]);
  });

  test("warns, and no more, when nobody listens on the address", () => {
    const address = join(folder, "nobody");
    new SdNotify({ address, log }).ready();
    expect(log.lines).toEqual([
      [
        "warn",
        "systemd could not be notified",
        { address, state: "READY=1", reason: "sendto failed: ENOENT" },
      ],
    ]);
  });

  test("warns when the address is of a kind it does not know", () => {
    for (const address of ["vsock:2:1234", "relative", "@", `/${"x".repeat(200)}`]) {
      new SdNotify({ address, log }).ready();
    }
    expect(log.lines.map(([, , { reason }]) => reason)).toEqual([
      "the address is not a Unix socket address",
      "the address is not a Unix socket address",
      "the address is not a Unix socket address",
      "the address is not a Unix socket address",
    ]);
  });

  test("gives up on a receiver whose queue stays full", () => {
    const address = join(folder, "notify");
    using _receiver = new DatagramReceiver(address);
    const notify = new SdNotify({ address, log });
    for (let i = 0; i < 10_000 && log.lines.length === 0; i++) notify.ready();
    expect(log.lines[0]?.[2]["reason"]).toBe("sendto failed: EAGAIN");
  });

  test("asks systemd-notify where there is no C library to call", () => {
    const program = join(folder, "systemd-notify");
    writeFileSync(program, '#!/bin/sh\nprintf "%s %s\\n" "$NOTIFY_SOCKET" "$*" >> "$0.calls"\n');
    chmodSync(program, 0o755);
    const path = process.env["PATH"];
    process.env["PATH"] = `${folder}:${path}`;
    try {
      const notify = new SdNotify({ address: "/run/notify", log, openLibc: () => null });
      notify.ready();
      notify.reloading();
    } finally {
      process.env["PATH"] = path;
    }
    expect(log.lines).toEqual([]);
    expect(Bun.spawnSync(["cat", `${program}.calls`]).stdout.toString()).toBe(
      "/run/notify READY=1\n/run/notify RELOADING=1\n",
    );
  });

  test("warns when there is neither a C library nor systemd-notify", () => {
    const path = process.env["PATH"];
    process.env["PATH"] = folder;
    try {
      new SdNotify({ address: "/run/notify", log, openLibc: () => null }).ready();
    } finally {
      process.env["PATH"] = path;
    }
    expect(log.lines[0]?.[2]["reason"]).toBe("neither the C library nor systemd-notify could be used");
  });

  test("works in a compiled executable", () => {
    const source = join(folder, "notify.ts");
    const file = (name: string) =>
      JSON.stringify(new URL(`../../../src/os/${name}`, import.meta.url).pathname);
    writeFileSync(
      source,
      `import { SdNotify } from ${file("sd-notify.ts")};
       const log = { debugEnabled: false, error() {}, warn: console.log, info() {}, debug() {} };
       new SdNotify({ address: process.env.NOTIFY_SOCKET, log }).ready();`,
    );
    const executable = join(folder, "notify-executable");
    const build = Bun.spawnSync([process.execPath, "build", "--compile", source, "--outfile", executable]);
    expect(build.exitCode).toBe(0);
    const address = join(folder, "notify");
    using receiver = new DatagramReceiver(address);
    const { stdout, exitCode } = Bun.spawnSync([executable], { env: { NOTIFY_SOCKET: address } });
    expect(stdout.toString()).toBe("");
    expect(exitCode).toBe(0);
    expect(receiver.receive()).toBe("READY=1");
  });
});

describe("findLoadedLibc", () => {
  const cases = [
    {
      name: "glibc by its path",
      loaded: "/usr/lib/x86_64-linux-gnu/libc.so.6",
      opened: "/usr/lib/x86_64-linux-gnu/libc.so.6",
    },
    { name: "an older glibc by its path", loaded: "/lib64/libc-2.28.so", opened: "/lib64/libc-2.28.so" },
    {
      name: "musl by the name it answers to itself",
      loaded: "/usr/lib/ld-musl-aarch64.so.1",
      opened: "libc.so",
    },
  ];
  for (const { name, loaded, opened } of cases) {
    test(`finds ${name}, among other files`, () => {
      const maps = `5-6 r--p 0 fe:00 1    /usr/bin/libc.so.6.bun\n7-8 r--p 0 fe:00 3    ${loaded}\n9-a rw-p 0 00:00 0    [stack]\n`;
      expect(findLoadedLibc(maps)).toBe(opened);
    });
  }

  test("finds nothing in a static executable", () => {
    expect(findLoadedLibc("5-6 r--p 0 fe:00 1    /usr/bin/agent\n")).toBeNull();
  });
});

describe("encodeSocketAddress", () => {
  test("ends a path with NUL and starts an abstract name with one", () => {
    expect([...(encodeSocketAddress("/a") ?? [])].slice(2)).toEqual([0x2f, 0x61, 0]);
    expect([...(encodeSocketAddress("@a") ?? [])].slice(2)).toEqual([0, 0x61]);
  });

  test("takes a path of 107 bytes and none of 108", () => {
    expect(encodeSocketAddress(`/${"x".repeat(106)}`)).toHaveLength(2 + 108);
    expect(encodeSocketAddress(`/${"x".repeat(107)}`)).toBeNull();
  });
});
