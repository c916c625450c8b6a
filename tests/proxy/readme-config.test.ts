import { expect, test } from "bun:test";
import { configBlocks } from "./readme-config.ts";

const FENCE = "```";

test("configurations are found with their era and line", () => {
  const markdown = ["# A", `${FENCE}kdl zentinel`, "a {", "}", FENCE, "", `${FENCE}kdl`, "b", FENCE, ""].join(
    "\n",
  );
  expect(configBlocks(markdown)).toEqual([
    { eras: ["zentinel"], text: "a {\n}\n", line: 2 },
    { eras: ["sentinel", "zentinel"], text: "b\n", line: 7 },
  ]);
});

test("blocks of other languages are left out", () => {
  expect(configBlocks(`${FENCE}sh\nkdl\n${FENCE}\n`)).toEqual([]);
});

test("an era that does not exist is an error", () => {
  expect(() => configBlocks(`${FENCE}kdl zentinal\nx\n${FENCE}\n`)).toThrow(
    "the block at line 1 says kdl zentinal; the eras are sentinel and zentinel",
  );
});
