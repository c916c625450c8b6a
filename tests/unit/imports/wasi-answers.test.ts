import { describe, expect, test } from "bun:test";
import { EventFailure } from "../../../src/event/failure.ts";
import { GuestClock } from "../../../src/wasm/imports/guest-clock.ts";
import { compileWat, link, linkForwarder, thrownBy } from "./linked-guest.ts";

const WASI = "wasi_snapshot_preview1";
const PAGE = 65_536;
const I32 = "(result i32)";

const BADF = 8;
const FAULT = 21;
const INVAL = 28;
const NOENT = 44;
const NOSYS = 52;
const NOTSUP = 58;

describe("arguments and environment", () => {
  const FUNCTIONS = {
    args_sizes_get: `(param i32 i32) ${I32}`,
    args_get: `(param i32 i32) ${I32}`,
    environ_sizes_get: `(param i32 i32) ${I32}`,
    environ_get: `(param i32 i32) ${I32}`,
  };

  test.each(["args_sizes_get", "environ_sizes_get"])("%s answers none of no size", async (name) => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    guest.data.setUint32(16, 7, true);
    guest.data.setUint32(32, 7, true);
    expect(guest.call(name, 16, 32)).toBe(0);
    expect(guest.data.getUint32(16, true)).toBe(0);
    expect(guest.data.getUint32(32, true)).toBe(0);
    expect(guest.refusals.size).toBe(0);
  });

  test.each(["args_get", "environ_get"])("%s succeeds without looking at its pointers", async (name) => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    expect(guest.call(name, -1, -1)).toBe(0);
  });

  test.each([
    [PAGE - 3, 0],
    [0, PAGE - 3],
    [-4, 0],
    [0, -1],
  ])("sizes at %i and %i are out of bounds", async (count, size) => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    expect(guest.call("environ_sizes_get", count, size)).toBe(FAULT);
  });
});

describe("clocks", () => {
  const FUNCTIONS = {
    clock_time_get: `(param i32 i64 i32) ${I32}`,
    clock_res_get: `(param i32 i32) ${I32}`,
  };

  test("realtime is the wall's, in nanoseconds", async () => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    const before = BigInt(Date.now()) * 1_000_000n;
    expect(guest.call("clock_time_get", 0, 1n, 8)).toBe(0);
    const after = BigInt(Date.now() + 1) * 1_000_000n;
    const time = guest.data.getBigUint64(8, true);
    expect(time).toBeGreaterThanOrEqual(before);
    expect(time).toBeLessThanOrEqual(after);
  });

  test("nanoseconds are exact, although a double could not hold them", async () => {
    const clock = new GuestClock({ wallMs: () => 1_795_341_234_567, monotonicMs: () => 98_765.432_1 });
    const guest = await linkForwarder(WASI, FUNCTIONS, { clock });
    guest.call("clock_time_get", 0, 1n, 8);
    expect(guest.data.getBigUint64(8, true)).toBe(1_795_341_234_567_000_000n);
    guest.call("clock_time_get", 1, 1n, 8);
    expect(guest.data.getBigUint64(8, true)).toBe(98_765_432_000n);
  });

  test("neither clock goes back over many readings", async () => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    for (const clockId of [0, 1]) {
      let last = 0n;
      for (let i = 0; i < 20_000; i++) {
        guest.call("clock_time_get", clockId, 1n, 8);
        const time = guest.data.getBigUint64(8, true);
        if (time < last) throw new Error(`clock ${clockId} went from ${last} to ${time}`);
        last = time;
      }
      expect(last).toBeGreaterThan(0n);
    }
  });

  test("their resolution is a microsecond", async () => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    guest.data.setBigUint64(8, 0xffff_ffff_ffff_ffffn, true);
    expect(guest.call("clock_res_get", 1, 8)).toBe(0);
    expect(guest.data.getBigUint64(8, true)).toBe(1000n);
  });

  test.each([2, 3, 4, -1])("clock %i is refused", async (clockId) => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    expect(guest.call("clock_time_get", clockId, 1n, 8)).toBe(INVAL);
    expect(guest.call("clock_res_get", clockId, 8)).toBe(INVAL);
    expect([...guest.refusals]).toEqual([
      ["clock_time_get", 1],
      ["clock_res_get", 1],
    ]);
  });

  test.each([PAGE - 7, -8, -1])("a result at %i is out of bounds", async (pointer) => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    expect(guest.call("clock_time_get", 0, 1n, pointer)).toBe(FAULT);
    expect(guest.call("clock_res_get", 0, pointer)).toBe(FAULT);
    expect(guest.call("clock_time_get", 0, 1n, PAGE - 8)).toBe(0);
  });
});

describe("randomness", () => {
  const FUNCTIONS = { random_get: `(param i32 i32) ${I32}` };

  test("fills the range and nothing beside it", async () => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    expect(guest.call("random_get", 100, 64)).toBe(0);
    const bytes = new Uint8Array(guest.memory.buffer);
    expect(bytes.subarray(100, 164).some((byte) => byte !== 0)).toBe(true);
    expect(bytes[99]).toBe(0);
    expect(bytes[164]).toBe(0);
  });

  test("gives 64 KiB at once and refuses more as a whole", async () => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    guest.memory.grow(1);
    expect(guest.call("random_get", 0, 65_536)).toBe(0);
    new Uint8Array(guest.memory.buffer).fill(0);
    expect(guest.call("random_get", 0, 65_537)).toBe(INVAL);
    expect(new Uint8Array(guest.memory.buffer).every((byte) => byte === 0)).toBe(true);
    expect(guest.refusals.get("random_get")).toBe(1);
  });

  test.each([
    [PAGE - 15, 16],
    [-8, 16],
    [-1, 1],
  ])("a range at %i of %i bytes is out of bounds", async (pointer, length) => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    expect(guest.call("random_get", pointer, length)).toBe(FAULT);
  });

  test("reaches memory that the guest has grown", async () => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    expect(guest.call("random_get", 0, 16)).toBe(0);
    expect(guest.call("random_get", PAGE + 8, 16)).toBe(FAULT);
    guest.memory.grow(1);
    expect(guest.call("random_get", PAGE + 8, 16)).toBe(0);
    expect(new Uint8Array(guest.memory.buffer, PAGE + 8, 16).some((byte) => byte !== 0)).toBe(true);
  });

  test("tells the loader what it cost when that is much", async () => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    const units: number[] = [];
    guest.host.onWork = (work) => units.push(work);
    guest.call("random_get", 0, 16);
    guest.call("random_get", 0, 60_000);
    expect(units).toEqual([60_000]);
  });
});

describe("descriptors other than the log", () => {
  const FUNCTIONS = {
    fd_prestat_get: `(param i32 i32) ${I32}`,
    fd_prestat_dir_name: `(param i32 i32 i32) ${I32}`,
    fd_fdstat_get: `(param i32 i32) ${I32}`,
    fd_read: `(param i32 i32 i32 i32) ${I32}`,
    fd_seek: `(param i32 i64 i32 i32) ${I32}`,
    fd_close: `(param i32) ${I32}`,
    fd_renumber: `(param i32 i32) ${I32}`,
  };

  test("no directory is open before start, on any descriptor", async () => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    for (const fd of [0, 1, 3, 4, -1]) {
      expect(guest.call("fd_prestat_get", fd, 0)).toBe(BADF);
      expect(guest.call("fd_prestat_dir_name", fd, 0, 8)).toBe(BADF);
    }
    expect(guest.refusals.get("fd_prestat_get")).toBe(5);
  });

  test.each([1, 2])("descriptor %i is a character device with the right to write", async (fd) => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    new Uint8Array(guest.memory.buffer).fill(0xff, 0, 64);
    expect(guest.call("fd_fdstat_get", fd, 16)).toBe(0);
    expect(guest.data.getUint8(16)).toBe(2);
    expect(guest.data.getUint16(18, true)).toBe(0);
    expect(guest.data.getBigUint64(24, true)).toBe(64n);
    expect(guest.data.getBigUint64(32, true)).toBe(0n);
    expect(guest.data.getUint8(40)).toBe(0xff);
    expect(guest.call("fd_fdstat_get", fd, PAGE - 23)).toBe(FAULT);
    expect(guest.call("fd_fdstat_get", fd, -24)).toBe(FAULT);
  });

  test.each([0, 3, -1])("descriptor %i has no status", async (fd) => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    expect(guest.call("fd_fdstat_get", fd, 16)).toBe(BADF);
  });

  test("the standard input is at its end", async () => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    guest.data.setUint32(32, 7, true);
    expect(guest.call("fd_read", 0, -1, -1, 32)).toBe(0);
    expect(guest.data.getUint32(32, true)).toBe(0);
    expect(guest.call("fd_read", 0, 0, 0, PAGE - 3)).toBe(FAULT);
    expect(guest.call("fd_read", 1, 0, 0, 32)).toBe(NOTSUP);
    expect(guest.call("fd_read", 3, 0, 0, 32)).toBe(BADF);
  });

  test("everything else is unsupported on 0, 1 and 2, and an unknown descriptor elsewhere", async () => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    for (const fd of [0, 1, 2]) {
      expect(guest.call("fd_seek", fd, 0n, 0, 0)).toBe(NOTSUP);
      expect(guest.call("fd_close", fd)).toBe(NOTSUP);
      expect(guest.call("fd_renumber", fd, 9)).toBe(NOTSUP);
    }
    for (const fd of [3, -1, 2 ** 31 - 1]) {
      expect(guest.call("fd_seek", fd, 0n, 0, 0)).toBe(BADF);
      expect(guest.call("fd_close", fd)).toBe(BADF);
    }
    expect(Object.fromEntries(guest.refusals)).toEqual({ fd_seek: 6, fd_close: 6, fd_renumber: 3 });
  });
});

describe("paths and sockets", () => {
  test("opening a path finds nothing", async () => {
    const guest = await linkForwarder(WASI, {
      path_open: `(param i32 i32 i32 i32 i32 i64 i64 i32 i32) ${I32}`,
    });
    for (const fd of [0, 3, 99]) {
      expect(guest.call("path_open", fd, 0, 0, 4, 0, 0n, 0n, 0, 0)).toBe(NOENT);
    }
    expect(guest.refusals.get("path_open")).toBe(3);
  });

  test("other path functions fail on their directory descriptor", async () => {
    const guest = await linkForwarder(WASI, {
      path_unlink_file: `(param i32 i32 i32) ${I32}`,
      path_rename: `(param i32 i32 i32 i32 i32 i32) ${I32}`,
      path_symlink: `(param i32 i32 i32 i32 i32) ${I32}`,
    });
    expect(guest.call("path_unlink_file", 3, 0, 4)).toBe(BADF);
    expect(guest.call("path_unlink_file", 1, 0, 4)).toBe(NOTSUP);
    expect(guest.call("path_rename", 3, 0, 4, 3, 0, 4)).toBe(BADF);
    expect(guest.call("path_symlink", 1, 4, 3, 0, 4)).toBe(BADF);
    expect(guest.call("path_symlink", 99, 4, 2, 0, 4)).toBe(NOTSUP);
  });

  test("sockets are unsupported, also those that only other runtimes know", async () => {
    const guest = await linkForwarder(WASI, {
      sock_accept: `(param i32 i32 i32) ${I32}`,
      sock_recv: `(param i32 i32 i32 i32 i32 i32) ${I32}`,
      sock_send: `(param i32 i32 i32 i32 i32) ${I32}`,
      sock_shutdown: `(param i32 i32) ${I32}`,
      sock_open: `(param i32 i32 i32) ${I32}`,
    });
    expect(guest.call("sock_accept", 3, 0, 0)).toBe(NOTSUP);
    expect(guest.call("sock_recv", 0, 0, 0, 0, 0, 0)).toBe(NOTSUP);
    expect(guest.call("sock_send", 0, 0, 0, 0, 0)).toBe(NOTSUP);
    expect(guest.call("sock_shutdown", 0, 0)).toBe(NOTSUP);
    expect(guest.call("sock_open", 0, 0, 0)).toBe(NOTSUP);
    expect(guest.log.lines).toEqual([]);
  });
});

describe("poll_oneoff", () => {
  const FUNCTIONS = { poll_oneoff: `(param i32 i32 i32 i32) ${I32}` };
  const EVENTS = 32_768;
  const COUNT = 65_000;

  test("every clock has rung at once", async () => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    for (let i = 0; i < 2; i++) {
      guest.data.setBigUint64(i * 48, 0xfedc_ba98_7654_3210n + BigInt(i), true);
      guest.data.setBigUint64(i * 48 + 24, 3_600_000_000_000n, true);
    }
    new Uint8Array(guest.memory.buffer).fill(0xff, EVENTS, EVENTS + 96);
    expect(guest.call("poll_oneoff", 0, EVENTS, 2, COUNT)).toBe(0);
    expect(guest.data.getUint32(COUNT, true)).toBe(2);
    expect(guest.data.getBigUint64(EVENTS, true)).toBe(0xfedc_ba98_7654_3210n);
    expect(guest.data.getBigUint64(EVENTS + 32, true)).toBe(0xfedc_ba98_7654_3211n);
    expect(guest.data.getBigUint64(EVENTS + 8, true)).toBe(0n);
    expect(guest.data.getUint8(EVENTS + 64)).toBe(0xff);
  });

  test("subscriptions of wasi_unstable are eight bytes longer", async () => {
    const guest = await linkForwarder("wasi_unstable", FUNCTIONS);
    guest.data.setBigUint64(56, 77n, true);
    expect(guest.call("poll_oneoff", 0, EVENTS, 2, COUNT)).toBe(0);
    expect(guest.data.getBigUint64(EVENTS + 32, true)).toBe(77n);
  });

  test.each([
    ["reading the standard input", 1, 0, 0, 1],
    ["reading an unknown descriptor", 1, 5, BADF, 1],
    ["writing the standard error", 2, 2, 0, 0],
    ["writing an unknown descriptor", 2, 5, BADF, 0],
    ["an unknown kind of event", 9, 0, INVAL, 0],
  ])("%s is answered inside its event", async (_what, kind, fd, error, flags) => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    guest.data.setUint8(8, kind);
    guest.data.setUint32(16, fd, true);
    expect(guest.call("poll_oneoff", 0, EVENTS, 1, COUNT)).toBe(0);
    expect(guest.data.getUint16(EVENTS + 8, true)).toBe(error);
    expect(guest.data.getUint8(EVENTS + 10)).toBe(kind);
    expect(guest.data.getUint16(EVENTS + 24, true)).toBe(flags);
    expect(guest.refusals.get("poll_oneoff") ?? 0).toBe(error === 0 ? 0 : 1);
  });

  test("waiting for nothing is invalid, and of very many only the first are answered", async () => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    expect(guest.call("poll_oneoff", 0, 0, 0, COUNT)).toBe(INVAL);
    guest.memory.grow(3);
    // -1 of them is 4,294,967,295.
    expect(guest.call("poll_oneoff", 0, PAGE, -1, 4 * PAGE - 4)).toBe(0);
    expect(guest.data.getUint32(4 * PAGE - 4, true)).toBe(1024);
  });

  test.each([
    [PAGE - 47, 0, 1, 0],
    [0, PAGE - 31, 1, 0],
    [0, 0, 1, PAGE - 3],
    [-48, 0, 1, 0],
    [PAGE / 2, 0, -1, 0],
  ])(
    "from %i, to %i, %i of them, the count at %i is out of bounds",
    async (from, to, count, countPointer) => {
      const guest = await linkForwarder(WASI, FUNCTIONS);
      expect(guest.call("poll_oneoff", from, to, count, countPointer)).toBe(FAULT);
    },
  );
});

describe("process", () => {
  const FUNCTIONS = {
    proc_exit: "(param i32)",
    proc_raise: `(param i32) ${I32}`,
    sched_yield: `${I32}`,
  };

  test("leaving ends the call with the exit code and is remembered", async () => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    const thrown = thrownBy(() => guest.call("proc_exit", 3));
    expect(thrown).toBeInstanceOf(EventFailure);
    const failure = thrown as EventFailure;
    expect(failure.code).toBe("guest-exit");
    expect(failure.message).toBe(
      "the guest ended itself with exit code 3 instead of returning; what it wrote to its standard error may say why",
    );
    expect(failure.details).toEqual({ exit_code: 3 });
    expect(guest.host.fatal).toBe(failure);
  });

  test("a code is unsigned, and code 0 is told apart from others by its detail", async () => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    expect(thrownBy(() => guest.call("proc_exit", -1))).toHaveProperty("details.exit_code", 4_294_967_295);
    guest.host.clearFatal();
    thrownBy(() => guest.call("proc_exit", 0));
    expect(guest.host.fatal?.details["exit_code"]).toBe(0);
  });

  test("a guest that catches its own exit stays ended, with its first code", async () => {
    const guest = link(
      await compileWat(`(module
        (import "${WASI}" "proc_exit" (func $proc_exit (param i32)))
        (memory (export "memory") 1)
        (func (export "run") (result i32)
          (try (do (call $proc_exit (i32.const 7))) (catch_all))
          (try (do (call $proc_exit (i32.const 8))) (catch_all))
          (i32.const 1)))`),
    );
    expect(guest.call("run")).toBe(1);
    expect(guest.host.fatal?.code).toBe("guest-exit");
    expect(guest.host.fatal?.details).toEqual({ exit_code: 7 });
  });

  test("signals are unknown and yielding succeeds", async () => {
    const guest = await linkForwarder(WASI, FUNCTIONS);
    expect(guest.call("proc_raise", 9)).toBe(NOSYS);
    expect(guest.call("sched_yield")).toBe(0);
    expect([...guest.refusals]).toEqual([["proc_raise", 1]]);
  });
});

describe("without a memory", () => {
  test("a guest gets errors, not a crash, and can still end itself", async () => {
    const module = await compileWat(`(module
      (import "${WASI}" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
      (import "${WASI}" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (import "${WASI}" "random_get" (func $random (param i32 i32) (result i32)))
      (import "env" "trace" (func $trace (param i32 i32 f64 f64 f64 f64 f64)))
      (memory (export "memory") 1)
      (global $first (mut i32) (i32.const -1))
      (global $second (mut i32) (i32.const -1))
      (global $third (mut i32) (i32.const -1))
      (func $start
        (global.set $first (call $sizes (i32.const 0) (i32.const 4)))
        (global.set $second (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
        (global.set $third (call $random (i32.const 0) (i32.const 8)))
        (call $trace (i32.const 64) (i32.const 0) (f64.const 0) (f64.const 0) (f64.const 0) (f64.const 0) (f64.const 0)))
      (start $start)
      (func (export "answers") (result i32)
        (i32.add (i32.mul (global.get $first) (i32.const 10000))
          (i32.add (i32.mul (global.get $second) (i32.const 100)) (global.get $third)))))`);
    const guest = link(module);
    expect(guest.call("answers")).toBe(212_121);
    expect(guest.log.guestTexts).toEqual(["trace: (text outside of memory)"]);

    const leaving = await compileWat(`(module
      (import "${WASI}" "proc_exit" (func $proc_exit (param i32)))
      (memory (export "memory") 1)
      (func $start (call $proc_exit (i32.const 71)))
      (start $start))`);
    expect(thrownBy(() => link(leaving))).toHaveProperty("code", "guest-exit");
  });
});
