import { describe, expect, test } from "bun:test";
import { BlockingOutput, type WriteSome } from "../../../src/cli/blocking-output.ts";
import { InputError } from "../../../src/event/input-error.ts";

function failing(code: string): WriteSome {
  return () => {
    throw Object.assign(new Error("the system's words"), { code });
  };
}

function failureOf(output: BlockingOutput): string | null {
  try {
    output.assertWritten();
    return null;
  } catch (error) {
    return error instanceof InputError ? `${error.message} (${error.code})` : String(error);
  }
}

describe("the output of a command", () => {
  test("is written whole, in pieces as large as the reader takes, who is waited for", () => {
    let taken = "";
    let calls = 0;
    const output = new BlockingOutput((bytes) => {
      if (++calls % 2 === 0) throw Object.assign(new Error("would block"), { code: "EAGAIN" });
      const piece = bytes.subarray(0, 3);
      taken += new TextDecoder().decode(piece);
      return piece.length;
    });
    output.write("more than three bytes\n");
    expect(taken).toBe("more than three bytes\n");
    expect(failureOf(output)).toBeNull();
  });

  test.each([
    ["ENOSPC", "cannot write the output: the disk is full (output-unwritable)"],
    ["EIO", "cannot write the output: the system's words (output-unwritable)"],
    // A reader that has seen enough.
    ["EPIPE", null],
  ])("that ends in %s: %p", (code, said) => {
    const output = new BlockingOutput(failing(code));
    output.write("lost");
    expect(failureOf(output)).toBe(said);
  });

  test("is not written any more after a failure, so that no part of it is missing in the middle", () => {
    let calls = 0;
    const output = new BlockingOutput(() => {
      calls++;
      throw Object.assign(new Error("no room"), { code: "ENOSPC" });
    });
    output.write("first");
    output.write("second");
    expect(calls).toBe(1);
  });
});
