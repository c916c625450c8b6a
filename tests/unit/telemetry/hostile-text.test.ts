import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { capText, escapeInvisible, printableJson, quoteText } from "../../../src/telemetry/hostile-text.ts";

describe("capText", () => {
  test("leaves a text of exactly the maximal length alone", () => {
    expect(capText("abcd", 4)).toBe("abcd");
  });

  test("marks a cut within the maximal length", () => {
    expect(capText("abcde", 4)).toBe("abc…");
  });

  test("never leaves half of a surrogate pair before the mark", () => {
    expect(capText("ab😀cd", 4)).toBe("ab…");
    expect(capText("a😀bcd", 4)).toBe("a😀…");
  });
});

describe("printableJson", () => {
  test("is the same value, on one line or indented, with nothing invisible in it", () => {
    const value = { "a\u202eb": ["line\nbreak", "\u009b2J", "\u2028"], plain: 1 };
    expect(printableJson(value)).toBe('{"a\\u202eb":["line\\nbreak","\\u009b2J","\\u2028"],"plain":1}');
    expect(printableJson({ a: 1 }, 2)).toBe('{\n  "a": 1\n}');
    expect(JSON.parse(printableJson(value, 2))).toEqual(value);
  });
});

describe("escapeInvisible", () => {
  const cases = [
    { name: "a line break", text: "a\r\nb", shown: "a\\u000d\\u000ab" },
    { name: "an ANSI sequence", text: "\u001b[2J", shown: "\\u001b[2J" },
    { name: "an 8-bit ANSI sequence", text: "\u009b2J", shown: "\\u009b2J" },
    { name: "delete", text: "\u007f", shown: "\\u007f" },
    { name: "the line and paragraph separators", text: "\u2028\u2029", shown: "\\u2028\\u2029" },
    { name: "a change of the reading direction", text: "\u202egpj.exe", shown: "\\u202egpj.exe" },
    { name: "a zero-width space's relatives", text: "\ufeff\u200b", shown: "\\ufeff\\u200b" },
    { name: "a surrogate without a partner", text: "\ud800", shown: "\\ud800" },
    { name: "an invisible tag beyond the basic plane", text: "\u{e0041}", shown: "\\udb40\\udc41" },
  ];
  for (const { name, text, shown } of cases) {
    test(`shows ${name}`, () => expect(escapeInvisible(text)).toBe(shown));
  }

  test("leaves letters of any script and emoji alone", () => {
    expect(escapeInvisible("Grüße, 世界 😀")).toBe("Grüße, 世界 😀");
  });
});

describe("quoteText", () => {
  test("is one visible line that reads back as the same text, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const quoted = quoteText(text);
        expect(quoted).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
        expect(JSON.parse(quoted)).toBe(text);
      }),
    );
  });
});
