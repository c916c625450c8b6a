/*
 * Takes the agent's answers apart, as far as counting needs it: which event, which decision.
 */
#ifndef LOADGEN_ANSWERS_H
#define LOADGEN_ANSWERS_H

#include "state.h"

/* Where a key's value starts. The place of the last find is tried first: most answers look alike. */
static const uint8_t *find_key(const uint8_t *text, size_t length, const char *key, size_t key_length, size_t *hint) {
  if (*hint + key_length <= length && memcmp(text + *hint, key, key_length) == 0) return text + *hint + key_length;
  const uint8_t *found = memmem(text, length, key, key_length);
  if (found == NULL) return NULL;
  *hint = (size_t)(found - text);
  return found + key_length;
}

static bool says_allow(const uint8_t *text, size_t length) {
  static size_t hint;
  const uint8_t *value = find_key(text, length, LITERAL("\"decision\":"), &hint);
  if (value == NULL) return false;
  size_t rest = length - (size_t)(value - text);
  return (rest >= 7 && memcmp(value, "\"allow\"", 7) == 0) || (rest >= 14 && memcmp(value, "{\"allow\":null}", 14) == 0);
}

/* The correlation id an answer carries in audit.custom, or NULL. */
static const uint8_t *answered_id(const uint8_t *text, size_t length) {
  static size_t hint;
  const uint8_t *id = find_key(text, length, LITERAL("\"correlation_id\":\""), &hint);
  return id != NULL && (size_t)(id - text) + ID_LENGTH < length && id[ID_LENGTH] == '"' ? id : NULL;
}

/*
 * The place an answer belongs to, or NULL. A v2 answer names it by its id. A v1 answer belongs to the only event in
 * flight; its id is checked where it carries one.
 */
static struct place *place_of(struct connection *c, const uint8_t *text, size_t length) {
  const uint8_t *id = answered_id(text, length);
  unsigned index = run.options.v2 ? (id == NULL ? MAX_PLACES : read_place(id)) : 0;
  if (index >= run.options.in_flight) return NULL;
  struct place *place = &c->places[index];
  if (!place->busy || (id != NULL && memcmp(id, place->id, ID_LENGTH) != 0)) return NULL;
  return place;
}

static void on_answer(struct connection *c, const uint8_t *text, size_t length, uint64_t now) {
  struct place *place = place_of(c, text, length);
  if (place == NULL) {
    run.wrong_ids++;
    /* On v1 the answer still ends the event; on v2 the event goes on waiting for its own answer, as in a proxy. */
    if (run.options.v2 || !c->places[0].busy) return;
    place = &c->places[0];
  }
  struct tally *tally = place->poison ? &run.poison : &run.normal;
  if (place->measured) {
    histogram_record(&tally->latency, now > place->counted_from_ns ? now - place->counted_from_ns : 0);
    if (!says_allow(text, length)) tally->not_allowed++;
  }
  if (now >= run.measure_from_ns && now < run.measure_to_ns) run.answered_in_window++;
  place->busy = false;
  c->free_stack[c->free_places++] = (unsigned)(place - c->places);
  run.free_places++;
  run.in_flight--;
}

/* Takes whole frames off the front of the input. False: the bytes are no frames. */
static bool consume_input(struct connection *c, uint64_t now) {
  size_t at = 0;
  while (c->input_used - at >= 4) {
    size_t length = read_length(c->input + at);
    if (length == 0 || length > INPUT_BYTES - 4) return false;
    if (c->input_used - at < 4 + length) break;
    const uint8_t *payload = c->input + at + 4;
    if (!run.options.v2) {
      on_answer(c, payload, length, now);
    } else if (payload[0] == MESSAGE_AGENT_RESPONSE) {
      on_answer(c, payload + 1, length - 1, now);
    }
    at += 4 + length;
  }
  if (at > 0) {
    memmove(c->input, c->input + at, c->input_used - at);
    c->input_used -= at;
  }
  return true;
}

#endif
