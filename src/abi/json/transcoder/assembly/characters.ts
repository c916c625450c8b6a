/** The characters that JSON is made of. */

export const QUOTE: u32 = 0x22;
export const COMMA: u32 = 0x2c;
export const COLON: u32 = 0x3a;
export const OPENING_BRACKET: u32 = 0x5b;
export const BACKSLASH: u32 = 0x5c;
export const CLOSING_BRACKET: u32 = 0x5d;
export const OPENING_BRACE: u32 = 0x7b;
export const CLOSING_BRACE: u32 = 0x7d;
