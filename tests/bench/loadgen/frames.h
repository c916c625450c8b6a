/*
 * The frames that are sent: request-headers events as a proxy spells them (docs/agent-protocol.md 2.6, 3.4, 6.10), with
 * eleven headers of a browser and the two that the proxy adds. They are rendered once; an event copies one and writes
 * its own correlation id, request id and uri number into it.
 *
 * A correlation id is 11 characters of base 58, like the proxy's own: `h`, three digits that say which place in
 * flight the event takes on its connection, seven digits that count events.
 */
#ifndef LOADGEN_FRAMES_H
#define LOADGEN_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  ID_LENGTH = 11,
  ID_PLACE_DIGITS = 3,
  ID_COUNT_DIGITS = 7,
  MAX_PLACES = 58 * 58 * 58,
  MAX_ID_COPIES = 3,
  REQUEST_NUMBER_DIGITS = 12,
  URI_NUMBER_DIGITS = 6,
  FRAME_VARIANTS = 16,
  MAX_FRAME_BYTES = 16384,
  MESSAGE_HANDSHAKE_REQUEST = 0x01,
  MESSAGE_HANDSHAKE_RESPONSE = 0x02,
  MESSAGE_REQUEST_HEADERS = 0x10,
  MESSAGE_AGENT_RESPONSE = 0x20,
};

struct frame {
  size_t length;
  size_t id_at[MAX_ID_COPIES];
  unsigned id_copies;
  size_t request_number_at;
  size_t uri_number_at;
  uint8_t bytes[MAX_FRAME_BYTES];
};

/* A literal and its length, as two arguments. */
#define LITERAL(text) text, sizeof(text) - 1

#define ID_MARK "~id~~~~~~~~"
#define REQUEST_NUMBER_MARK "~request~id~"
#define URI_NUMBER_MARK "~uri~n"
#define FILLER "b7Qe2xR9mZk4TfW1cLs8Nd5HvYp3JgU6aDz0EoXi"

static const char *const uris[FRAME_VARIANTS] = {
    "/",
    "/index.html",
    "/catalogue/items/" URI_NUMBER_MARK,
    "/catalogue/items/" URI_NUMBER_MARK "?page=3&sort=price",
    "/search?q=blue+running+shoes&from=" URI_NUMBER_MARK,
    "/api/v2/orders/" URI_NUMBER_MARK,
    "/api/v2/orders/" URI_NUMBER_MARK "/lines?expand=product,price,stock",
    "/api/v2/customers/" URI_NUMBER_MARK "/addresses",
    "/static/app." URI_NUMBER_MARK ".js",
    "/static/styles/main." URI_NUMBER_MARK ".css",
    "/images/products/" URI_NUMBER_MARK "/front-640.webp",
    "/images/products/" URI_NUMBER_MARK "/side-1280.webp?v=20260701",
    "/cart?item=" URI_NUMBER_MARK "&count=2&coupon=SUMMER",
    "/account/settings?tab=notifications&ref=" URI_NUMBER_MARK,
    "/blog/2026/07/how-we-build-better-bicycles?utm_source=letter&utm_id=" URI_NUMBER_MARK,
    "/health?probe=" URI_NUMBER_MARK,
};

static const char base58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

static inline void write_base58(uint8_t *at, unsigned digits, uint64_t value) {
  for (unsigned i = digits; i-- > 0; value /= 58) at[i] = (uint8_t)base58[value % 58];
}

static inline void write_decimal(uint8_t *at, unsigned digits, uint64_t value) {
  for (unsigned i = digits; i-- > 0; value /= 10) at[i] = (uint8_t)('0' + value % 10);
}

/* The place digits of an id, or MAX_PLACES when they are none. */
static inline unsigned read_place(const uint8_t *id) {
  static int8_t digit_of[256];
  if (digit_of['2'] == 0) {
    memset(digit_of, -1, sizeof digit_of);
    for (int i = 0; i < 58; i++) digit_of[(uint8_t)base58[i]] = (int8_t)i;
  }
  unsigned place = 0;
  for (unsigned i = 1; i <= ID_PLACE_DIGITS; i++) {
    int digit = digit_of[id[i]];
    if (digit < 0) return MAX_PLACES;
    place = place * 58 + (unsigned)digit;
  }
  return place;
}

static inline void write_length(uint8_t *at, size_t length) {
  at[0] = (uint8_t)(length >> 24);
  at[1] = (uint8_t)(length >> 16);
  at[2] = (uint8_t)(length >> 8);
  at[3] = (uint8_t)length;
}

static inline size_t read_length(const uint8_t *at) {
  return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | (size_t)at[3];
}

/* Writes the JSON of one event with a cookie of the given length; answers its length. */
static size_t render_event(char *into, size_t size, bool v2, const char *uri, int cookie_length) {
  int length = snprintf(
      into, size,
      "%s\"headers\":{"
      "\"accept\":[\"text/html,application/xhtml+xml,*/*;q=0.8\"],"
      "\"accept-encoding\":[\"gzip, br\"],"
      "\"accept-language\":[\"en-GB,en;q=0.5\"],"
      "\"cache-control\":[\"no-cache\"],"
      "\"cookie\":[\"%.*s\"],"
      "\"host\":[\"shop.example\"],"
      "\"referer\":[\"https://shop.example/\"],"
      "\"sec-fetch-dest\":[\"document\"],"
      "\"sec-fetch-mode\":[\"navigate\"],"
      "\"sec-fetch-site\":[\"none\"],"
      "\"user-agent\":[\"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\"],"
      "\"x-correlation-id\":[\"" ID_MARK "\"],"
      "\"x-forwarded-by\":[\"%s\"]},"
      "\"metadata\":{"
      "\"client_ip\":\"203.0.113.24%s\","
      "\"client_port\":%s,"
      "\"correlation_id\":\"" ID_MARK "\","
      "\"protocol\":\"HTTP/1.1\","
      "\"request_id\":\"b1c9a5e2-7d40-4c6e-9f13-" REQUEST_NUMBER_MARK "\","
      "\"route_id\":\"shop\","
      "\"server_name\":null,"
      "\"timestamp\":\"2026-07-01T12:00:00.123456789+00:00\","
      "\"tls_cipher\":null,"
      "\"tls_version\":null,"
      "\"upstream_id\":null},"
      "\"method\":\"GET\","
      "\"uri\":\"%s\"%s",
      v2 ? "{\"correlation_id\":\"" ID_MARK "\"," : "{\"version\":1,\"event_type\":\"request_headers\",\"payload\":{",
      cookie_length, "s=" FILLER FILLER FILLER FILLER FILLER FILLER FILLER FILLER FILLER FILLER,
      v2 ? "Zentinel" : "Sentinel", v2 ? "" : ":50412", v2 ? "50412" : "0", uri, v2 ? "}" : "}}");
  return length < 0 ? 0 : (size_t)length;
}

static size_t find_mark(const struct frame *frame, const char *mark) {
  const uint8_t *found = memmem(frame->bytes, frame->length, mark, strlen(mark));
  return found == NULL ? 0 : (size_t)(found - frame->bytes);
}

/* Renders one frame of `frame_bytes` bytes in all; a longer cookie makes up for a shorter uri. */
static void render_frame(struct frame *frame, bool v2, const char *uri, size_t frame_bytes) {
  size_t prefix = v2 ? 5 : 4;
  char *text = (char *)frame->bytes + prefix;
  size_t room = sizeof frame->bytes - prefix;
  size_t bare = render_event(text, room, v2, uri, 2) + prefix;
  size_t cookie = frame_bytes > bare ? frame_bytes - bare + 2 : 2;
  if (cookie > 10 * sizeof FILLER - 10) cookie = 10 * sizeof FILLER - 10;
  size_t length = render_event(text, room, v2, uri, (int)cookie);

  frame->length = prefix + length;
  write_length(frame->bytes, v2 ? length + 1 : length);
  if (v2) frame->bytes[4] = MESSAGE_REQUEST_HEADERS;

  frame->id_copies = 0;
  for (size_t at; frame->id_copies < MAX_ID_COPIES && (at = find_mark(frame, ID_MARK)) != 0;) {
    frame->id_at[frame->id_copies++] = at;
    memset(frame->bytes + at, 'h', ID_LENGTH);
  }
  frame->request_number_at = find_mark(frame, REQUEST_NUMBER_MARK);
  frame->uri_number_at = find_mark(frame, URI_NUMBER_MARK);
}

/* Copies a frame to `at` as event number `count`, in place number `place`; the id is also left in `id`. */
static inline size_t write_event(const struct frame *frame, uint8_t *at, uint64_t count, unsigned place, uint8_t *id) {
  id[0] = 'h';
  write_base58(id + 1, ID_PLACE_DIGITS, place);
  write_base58(id + 1 + ID_PLACE_DIGITS, ID_COUNT_DIGITS, count);
  memcpy(at, frame->bytes, frame->length);
  for (unsigned i = 0; i < frame->id_copies; i++) memcpy(at + frame->id_at[i], id, ID_LENGTH);
  write_decimal(at + frame->request_number_at, REQUEST_NUMBER_DIGITS, count);
  if (frame->uri_number_at != 0) write_decimal(at + frame->uri_number_at, URI_NUMBER_DIGITS, count);
  return frame->length;
}

static size_t write_handshake(uint8_t *at) {
  static const char json[] =
      "{\"supported_versions\":[2],\"proxy_id\":\"zentinel-proxy\",\"proxy_version\":\"0.6.54\",\"config\":null,"
      "\"supported_encodings\":[\"json\"]}";
  write_length(at, sizeof json);
  at[4] = MESSAGE_HANDSHAKE_REQUEST;
  memcpy(at + 5, json, sizeof json - 1);
  return sizeof json + 4;
}

#endif
