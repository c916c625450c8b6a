#include "json.h"

#include "guest.h"

#define MAX_DEPTH 64

// The next byte, or 0 at the end: no rule of JSON accepts 0, so it fails wherever more text is needed.
static unsigned char peek(const json_reader *reader) {
  return reader->at < reader->end ? (unsigned char)*reader->at : 0;
}

static void skip_space(json_reader *reader) {
  for (unsigned char c = peek(reader); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = peek(reader)) {
    reader->at++;
  }
}

static bool accept(json_reader *reader, char c) {
  if (peek(reader) != (unsigned char)c) return false;
  reader->at++;
  return true;
}

static void expect(json_reader *reader, char c) {
  if (!accept(reader, c)) fail();
}

static bool open(json_reader *reader, char opening, char closing) {
  skip_space(reader);
  expect(reader, opening);
  skip_space(reader);
  return !accept(reader, closing);
}

static bool more(json_reader *reader, char closing) {
  skip_space(reader);
  if (accept(reader, closing)) return false;
  expect(reader, ',');
  return true;
}

bool json_open(json_reader *reader) { return open(reader, '{', '}'); }

bool json_more(json_reader *reader) { return more(reader, '}'); }

json_text json_key(json_reader *reader) {
  const json_text key = json_string(reader);
  skip_space(reader);
  expect(reader, ':');
  return key;
}

static uint32_t hex4(json_reader *reader) {
  uint32_t value = 0;
  for (int i = 0; i < 4; i++) {
    const unsigned char c = peek(reader);
    uint32_t digit;
    if (c >= '0' && c <= '9') digit = c - '0';
    else if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    else if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
    else fail();
    value = value << 4 | digit;
    reader->at++;
  }
  return value;
}

// What follows "\u": one UTF-16 unit, or a surrogate pair. A lone surrogate is no character.
static uint32_t escaped_code_point(json_reader *reader) {
  const uint32_t unit = hex4(reader);
  if (unit < 0xd800 || unit > 0xdfff) return unit;
  if (unit > 0xdbff) fail();
  expect(reader, '\\');
  expect(reader, 'u');
  const uint32_t low = hex4(reader);
  if (low < 0xdc00 || low > 0xdfff) fail();
  return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

static char *put_utf8(char *out, uint32_t code) {
  if (code < 0x80) {
    *out++ = (char)code;
    return out;
  }
  if (code < 0x800) {
    *out++ = (char)(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      *out++ = (char)(0xe0 | code >> 12);
    } else {
      *out++ = (char)(0xf0 | code >> 18);
      *out++ = (char)(0x80 | (code >> 12 & 0x3f));
    }
    *out++ = (char)(0x80 | (code >> 6 & 0x3f));
  }
  *out++ = (char)(0x80 | (code & 0x3f));
  return out;
}

// Copies one character of two to four bytes. The second byte's range depends on the first (Unicode, table 3-7):
// that is what keeps out overlong forms, surrogates and code points above U+10FFFF.
static char *copy_utf8(json_reader *reader, char *out, unsigned char lead) {
  unsigned char low = 0x80, high = 0xbf;
  int following;
  if (lead >= 0xc2 && lead <= 0xdf) following = 1;
  else if (lead >= 0xe0 && lead <= 0xef) following = 2;
  else if (lead >= 0xf0 && lead <= 0xf4) following = 3;
  else fail();
  if (lead == 0xe0) low = 0xa0;
  if (lead == 0xed) high = 0x9f;
  if (lead == 0xf0) low = 0x90;
  if (lead == 0xf4) high = 0x8f;

  *out++ = *reader->at++;
  for (; following > 0; following--) {
    const unsigned char c = peek(reader);
    if (c < low || c > high) fail();
    low = 0x80;
    high = 0xbf;
    *out++ = *reader->at++;
  }
  return out;
}

json_text json_string(json_reader *reader) {
  skip_space(reader);
  expect(reader, '"');
  char *const start = reader->at;
  char *out = start;
  for (;;) {
    const unsigned char c = peek(reader);
    if (c < 0x20) fail();
    if (c >= 0x80) {
      out = copy_utf8(reader, out, c);
      continue;
    }
    reader->at++;
    if (c == '"') return (json_text){start, (size_t)(out - start)};
    if (c != '\\') {
      *out++ = (char)c;
      continue;
    }
    const unsigned char escape = peek(reader);
    reader->at++;
    switch (escape) {
      case '"': case '\\': case '/': *out++ = (char)escape; break;
      case 'b': *out++ = '\b'; break;
      case 'f': *out++ = '\f'; break;
      case 'n': *out++ = '\n'; break;
      case 'r': *out++ = '\r'; break;
      case 't': *out++ = '\t'; break;
      case 'u': out = put_utf8(out, escaped_code_point(reader)); break;
      default: fail();
    }
  }
}

static bool is_digit(unsigned char c) { return c >= '0' && c <= '9'; }

uint32_t json_uint(json_reader *reader, uint32_t max) {
  skip_space(reader);
  if (!is_digit(peek(reader))) fail();
  if (accept(reader, '0')) {
    if (is_digit(peek(reader))) fail();
  }
  uint64_t value = 0;
  for (unsigned char c = peek(reader); is_digit(c); c = peek(reader)) {
    value = value * 10 + (c - '0');
    if (value > max) fail();
    reader->at++;
  }
  const unsigned char next = peek(reader);
  if (next == '.' || next == 'e' || next == 'E') fail();
  return (uint32_t)value;
}

static void skip_digits(json_reader *reader) {
  if (!is_digit(peek(reader))) fail();
  while (is_digit(peek(reader))) reader->at++;
}

static void skip_number(json_reader *reader) {
  accept(reader, '-');
  if (!accept(reader, '0')) skip_digits(reader);
  if (accept(reader, '.')) skip_digits(reader);
  if (accept(reader, 'e') || accept(reader, 'E')) {
    if (!accept(reader, '+')) accept(reader, '-');
    skip_digits(reader);
  }
}

static void skip_word(json_reader *reader, const char *word) {
  for (; *word != 0; word++) expect(reader, *word);
}

static void skip_value(json_reader *reader, int depth) {
  if (depth > MAX_DEPTH) fail();
  skip_space(reader);
  switch (peek(reader)) {
    case '{':
      for (bool again = json_open(reader); again; again = json_more(reader)) {
        json_key(reader);
        skip_value(reader, depth + 1);
      }
      break;
    case '[':
      for (bool again = open(reader, '[', ']'); again; again = more(reader, ']')) skip_value(reader, depth + 1);
      break;
    case '"': json_string(reader); break;
    case 't': skip_word(reader, "true"); break;
    case 'f': skip_word(reader, "false"); break;
    case 'n': skip_word(reader, "null"); break;
    default: skip_number(reader);
  }
}

void json_skip(json_reader *reader) { skip_value(reader, 0); }

void json_end(json_reader *reader) {
  skip_space(reader);
  if (reader->at != reader->end) fail();
}

bool text_equals(json_text text, const char *word) {
  size_t i = 0;
  while (i < text.length && word[i] != 0 && text.bytes[i] == word[i]) i++;
  return i == text.length && word[i] == 0;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

// How many bytes of the text the word covers, or -1 when the text does not start with it.
static int32_t prefix_length(const char *bytes, size_t length, const char *word) {
  int32_t i = 0;
  for (; word[i] != 0; i++) {
    if ((size_t)i == length || lower(bytes[i]) != word[i]) return -1;
  }
  return i;
}

bool text_equals_folded(json_text text, const char *word) {
  return prefix_length(text.bytes, text.length, word) == (int32_t)text.length;
}

bool text_contains_folded(json_text text, const char *word) {
  for (size_t i = 0; i < text.length; i++) {
    if (prefix_length(text.bytes + i, text.length - i, word) >= 0) return true;
  }
  return false;
}

static void put(json_writer *writer, char c) {
  if (writer->length == writer->capacity) fail();
  writer->bytes[writer->length++] = c;
}

void json_put(json_writer *writer, const char *json) {
  for (; *json != 0; json++) put(writer, *json);
}

void json_put_text(json_writer *writer, json_text text) {
  static const char HEX[] = "0123456789abcdef";
  put(writer, '"');
  for (size_t i = 0; i < text.length; i++) {
    const char c = text.bytes[i];
    if ((unsigned char)c < 0x20) {
      json_put(writer, "\\u00");
      put(writer, HEX[c >> 4]);
      put(writer, HEX[c & 15]);
    } else {
      if (c == '"' || c == '\\') put(writer, '\\');
      put(writer, c);
    }
  }
  put(writer, '"');
}

void json_put_uint(json_writer *writer, uint32_t number) {
  if (number >= 10) json_put_uint(writer, number / 10);
  put(writer, (char)('0' + number % 10));
}
