import { describe, expect, test } from "bun:test";
import { FdSink } from "../../../src/telemetry/fd-sink.ts";

/** A descriptor that takes as many bytes as it is told, then says EAGAIN. */
class SlowDescriptor {
  room = 0;
  taken = "";

  readonly writeBytes = (_fd: number, bytes: Uint8Array): number => {
    if (this.room === 0) throw Object.assign(new Error("would block"), { code: "EAGAIN" });
    const part = bytes.subarray(0, this.room);
    this.room -= part.length;
    this.taken += new TextDecoder().decode(part);
    return part.length;
  };
}

describe("FdSink", () => {
  test("keeps what was not taken and goes on where it stopped, in order", () => {
    const descriptor = new SlowDescriptor();
    const sink = new FdSink(2, { writeBytes: descriptor.writeBytes });
    descriptor.room = 3;
    sink.write("first\n");
    sink.write("second\n");
    expect(descriptor.taken).toBe("fir");
    descriptor.room = 100;
    sink.write("third\n");
    expect(descriptor.taken).toBe("first\nsecond\nthird\n");
    expect(sink.takeDropped()).toBe(0);
  });

  test("drops whole texts beyond its bound, counts them, and never cuts a text in two", () => {
    const descriptor = new SlowDescriptor();
    const sink = new FdSink(2, { maxWaitingBytes: 10, writeBytes: descriptor.writeBytes });
    descriptor.room = 2;
    for (const text of ["aaaa\n", "bbbb\n", "cccc\n", "dddd\n"]) sink.write(text);
    descriptor.room = 100;
    sink.flush(0);
    expect(descriptor.taken).toBe("aaaa\nbbbb\n");
    expect(sink.takeDropped()).toBe(2);
    expect(sink.takeDropped()).toBe(0);
  });

  test("writes a single text that is larger than its bound when nothing waits", () => {
    const descriptor = new SlowDescriptor();
    const sink = new FdSink(2, { maxWaitingBytes: 4, writeBytes: descriptor.writeBytes });
    descriptor.room = 100;
    sink.write("longer than four\n");
    expect(descriptor.taken).toBe("longer than four\n");
  });

  test("gives up a flush that nobody reads", () => {
    const descriptor = new SlowDescriptor();
    const sink = new FdSink(2, { writeBytes: descriptor.writeBytes });
    sink.write("unread\n");
    sink.flush(10);
    expect(descriptor.taken).toBe("");
  });

  test("survives a descriptor that fails, and uses it again once it works", () => {
    let failing = true;
    let taken = "";
    const sink = new FdSink(2, {
      writeBytes: (_fd, bytes) => {
        if (failing) throw Object.assign(new Error("broken pipe"), { code: "EPIPE" });
        taken += new TextDecoder().decode(bytes);
        return bytes.length;
      },
    });
    sink.write("lost\n");
    failing = false;
    sink.write("kept\n");
    expect(taken).toBe("kept\n");
  });

  test("a real pipe whose reader is gone harms nobody", async () => {
    const sinkFile = new URL("../../../src/telemetry/fd-sink.ts", import.meta.url).pathname;
    const program = `
      import { FdSink } from ${JSON.stringify(sinkFile)};
      const sink = new FdSink(2);
      for (let i = 0; i < 1000; i++) sink.write("into the void\\n");
      sink.flush(100);
      new FdSink(1).write("alive");
    `;
    const script = '"$0" -e "$1" 2> >(exit 0)';
    const { stdout, exitCode } = Bun.spawnSync(["bash", "-c", script, process.execPath, program]);
    expect(stdout.toString()).toBe("alive");
    expect(exitCode).toBe(0);
  });
});
