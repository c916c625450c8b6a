/** What is looked for in JSON text without parsing it. */

export const QUOTE = 34;
export const COMMA = 44;
export const OPEN_BRACKET = 91;
export const BACKSLASH = 92;
export const CLOSE_BRACKET = 93;
export const OPEN_BRACE = 123;
export const CLOSE_BRACE = 125;

/** Where the string ends whose opening quote stands at `open`: at its closing quote; -1 when it has none. */
export function closingQuote(text: string, open: number): number {
  let quote = text.indexOf('"', open + 1);
  while (quote >= 0 && isEscaped(text, quote, open)) quote = text.indexOf('"', quote + 1);
  return quote;
}

function isEscaped(text: string, quote: number, open: number): boolean {
  let before = quote - 1;
  while (before > open && text.charCodeAt(before) === BACKSLASH) before--;
  return (quote - 1 - before) % 2 === 1;
}
