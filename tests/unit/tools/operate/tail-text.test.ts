/** Whatever an admin socket says, a line of `tail` cannot drive the terminal. */

import { expect, test } from "bun:test";
import { tailText } from "../../../../src/tools/operate/tail-text.ts";

const plain = (_style: string, text: string) => text;

test.each([
  '{"left_out":"\\u001b[2J"}',
  '{"decision":"\\u001b[31m","status":"\\u001b[0m","tags":["\\u009b"],"code":"\\u202e"}',
  '{"method":"\\u0007","path":"/\\u001b]0;x\\u0007","us":"\\u001b"}',
  '{"event":"\\u001b","correlation_id":"\\u001b","tags":"none"}',
  "\u001b[2J",
  "null",
  "[]",
])("%j", (line) => {
  expect(tailText(line, plain)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
});
