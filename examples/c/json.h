// A strict JSON reader and a small writer, without a heap.
//
// The reader unescapes strings where they lie, which is always possible because no escape is shorter than what it
// stands for. Whatever is not JSON, or not of the kind asked for, ends the event (see `fail`).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// UTF-8, not terminated; it may contain zero bytes. `bytes` is NULL when there is no text.
typedef struct {
  const char *bytes;
  size_t length;
} json_text;

typedef struct {
  char *at;
  char *end;
} json_reader;

// An object is read by: for (more = json_open(r); more; more = json_more(r)) { key = json_key(r); ...its value... }
bool json_open(json_reader *reader);
bool json_more(json_reader *reader);
json_text json_key(json_reader *reader);
json_text json_string(json_reader *reader);
uint32_t json_uint(json_reader *reader, uint32_t max);
void json_skip(json_reader *reader);
// Only white space may follow.
void json_end(json_reader *reader);

bool text_equals(json_text text, const char *word);
// These take a word without capital letters, and pass over the case of ASCII letters in the text.
bool text_equals_folded(json_text text, const char *word);
bool text_contains_folded(json_text text, const char *word);

typedef struct {
  char *bytes;
  size_t length;
  size_t capacity;
} json_writer;

// JSON as it stands.
void json_put(json_writer *writer, const char *json);
// A string, quoted and escaped.
void json_put_text(json_writer *writer, json_text text);
void json_put_uint(json_writer *writer, uint32_t number);
