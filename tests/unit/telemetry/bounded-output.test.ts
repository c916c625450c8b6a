import { describe, expect, test } from "bun:test";
import { BoundedOutput } from "../../../src/telemetry/bounded-output.ts";

/** A descriptor that takes as many bytes as it is told, then says EAGAIN. */
class SlowDescriptor {
  room = 0;
  taken = "";

  readonly writeBytes = (bytes: Uint8Array): number => {
    if (this.room === 0) throw Object.assign(new Error("would block"), { code: "EAGAIN" });
    const part = bytes.subarray(0, this.room);
    this.room -= part.length;
    this.taken += new TextDecoder().decode(part);
    return part.length;
  };
}

describe("BoundedOutput", () => {
  test("keeps what was not taken and goes on where it stopped, in order", () => {
    const descriptor = new SlowDescriptor();
    const sink = new BoundedOutput(descriptor.writeBytes);
    descriptor.room = 3;
    sink.write("first\n");
    sink.write("second\n");
    expect(descriptor.taken).toBe("fir");
    descriptor.room = 100;
    sink.write("third\n");
    sink.flush(0);
    expect(descriptor.taken).toBe("first\nsecond\nthird\n");
  });

  test("drops whole texts beyond its bound, says so, and never cuts a text in two", () => {
    const descriptor = new SlowDescriptor();
    const sink = new BoundedOutput(descriptor.writeBytes, { maxWaitingBytes: 10 });
    descriptor.room = 2;
    const texts = ["aaaa\n", "bbbb\n", "cccc\n", "dddd\n"];
    expect(texts.map((text) => sink.write(text))).toEqual([true, true, false, false]);
    descriptor.room = 100;
    sink.flush(0);
    expect(descriptor.taken).toBe("aaaa\nbbbb\n");
    expect(sink.write("eeee\n")).toBe(true);
  });

  test("never drops the last text, whatever waits before it", () => {
    const descriptor = new SlowDescriptor();
    const sink = new BoundedOutput(descriptor.writeBytes, { maxWaitingBytes: 6 });
    for (const text of ["aaaa\n", "bbbb\n"]) sink.write(text);
    sink.writeLast("why it ends\n");
    descriptor.room = 100;
    sink.flush(0);
    expect(descriptor.taken).toBe("aaaa\nwhy it ends\n");
  });

  test("goes on by itself once the reader takes more", async () => {
    const descriptor = new SlowDescriptor();
    const sink = new BoundedOutput(descriptor.writeBytes);
    sink.write("first\n");
    // Tried again in vain, and then with room.
    await Bun.sleep(50);
    descriptor.room = 100;
    while (descriptor.taken === "") await Bun.sleep(5);
    expect(descriptor.taken).toBe("first\n");
  });

  test("writes a single text that is larger than its bound when nothing waits", () => {
    const descriptor = new SlowDescriptor();
    const sink = new BoundedOutput(descriptor.writeBytes, { maxWaitingBytes: 4 });
    descriptor.room = 100;
    sink.write("longer than four\n");
    expect(descriptor.taken).toBe("longer than four\n");
  });

  test("gives up a flush that nobody reads", () => {
    const descriptor = new SlowDescriptor();
    const sink = new BoundedOutput(descriptor.writeBytes);
    sink.write("unread\n");
    sink.flush(10);
    expect(descriptor.taken).toBe("");
  });

  test("survives a descriptor that fails, and uses it again once it works", () => {
    let failing = true;
    let taken = "";
    const sink = new BoundedOutput((bytes) => {
      if (failing) throw Object.assign(new Error("broken pipe"), { code: "EPIPE" });
      taken += new TextDecoder().decode(bytes);
      return bytes.length;
    });
    sink.write("lost\n");
    failing = false;
    sink.write("kept\n");
    expect(taken).toBe("kept\n");
  });
});
