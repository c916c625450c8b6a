// The policy: what to decide about one request or one response.

#include "guest.h"
#include "json.h"

typedef struct {
  json_text uri;
  json_text client_ip;
  bool has_headers;
  bool has_authorization;
  bool is_scanner;
} request_event;

static char output[65536];

static bool contains_any(json_text text, const char *const *words) {
  for (; *words != NULL; words++) {
    if (text_contains_folded(text, *words)) return true;
  }
  return false;
}

static const char *const SQL_INJECTION[] = {"'", "--", "union", NULL};
static const char *const PATH_TRAVERSAL[] = {"..", "%2e%2e", NULL};
static const char *const CROSS_SITE_SCRIPTING[] = {"<script", "javascript:", NULL};
static const char *const SCANNERS[] = {"sqlmap", "nikto", "nessus", NULL};

static void read_headers(json_reader *reader, request_event *request) {
  request->has_headers = true;
  for (bool more = json_open(reader); more; more = json_more(reader)) {
    const json_text name = json_key(reader);
    const json_text value = json_string(reader);
    if (text_equals_folded(name, "authorization")) request->has_authorization = true;
    if (text_equals_folded(name, "user-agent") && contains_any(value, SCANNERS)) request->is_scanner = true;
  }
}

static request_event read_request(json_reader reader) {
  request_event request = {0};
  for (bool more = json_open(&reader); more; more = json_more(&reader)) {
    const json_text key = json_key(&reader);
    if (text_equals(key, "uri")) request.uri = json_string(&reader);
    else if (text_equals(key, "client_ip")) request.client_ip = json_string(&reader);
    else if (text_equals(key, "headers")) read_headers(&reader, &request);
    else json_skip(&reader);
  }
  json_end(&reader);
  if (request.uri.bytes == NULL || request.client_ip.bytes == NULL || !request.has_headers) fail();
  return request;
}

static uint32_t read_status(json_reader reader) {
  uint32_t status = 0;
  bool has_status = false;
  for (bool more = json_open(&reader); more; more = json_more(&reader)) {
    if (text_equals(json_key(&reader), "status")) {
      status = json_uint(&reader, UINT16_MAX);
      has_status = true;
    } else {
      json_skip(&reader);
    }
  }
  json_end(&reader);
  if (!has_status) fail();
  return status;
}

static uint64_t block(const char *status, const char *body, bool is_admin, const char *tag) {
  json_writer writer = {output, 0, sizeof output};
  json_put(&writer, "{\"decision\":\"block\",\"status\":");
  json_put(&writer, status);
  json_put(&writer, ",\"body\":\"");
  json_put(&writer, body);
  json_put(&writer, is_admin ? "\",\"tags\":[\"admin-access\",\"" : "\",\"tags\":[\"");
  json_put(&writer, tag);
  json_put(&writer, "\"]}");
  return result(writer.bytes, writer.length);
}

__attribute__((unused)) static uint64_t redirect(const char *status, const char *location) {
  json_writer writer = {output, 0, sizeof output};
  json_put(&writer, "{\"decision\":\"redirect\",\"status\":");
  json_put(&writer, status);
  json_put(&writer, ",\"body\":\"");
  json_put(&writer, location);
  json_put(&writer, "\"}");
  return result(writer.bytes, writer.length);
}

// In place of the bytes of a body event, where the event says `can_replace`.
__attribute__((unused)) static uint64_t replace_body(const char *text) {
  json_writer writer = {output, 0, sizeof output};
  json_put(&writer, "{\"decision\":\"allow\",\"replace_body\":\"");
  json_put(&writer, text);
  json_put(&writer, "\"}");
  return result(writer.bytes, writer.length);
}

// A WebSocket frame goes no further.
__attribute__((unused)) static uint64_t drop_frame(void) {
  json_writer writer = {output, 0, sizeof output};
  json_put(&writer, "{\"decision\":\"allow\",\"frame\":\"drop\"}");
  return result(writer.bytes, writer.length);
}

EXPORT(on_request_headers) uint64_t on_request_headers(char *input, size_t length) {
  const request_event request = read_request((json_reader){input, input + length});

  const bool is_admin = text_contains_folded(request.uri, "/admin");
  if (is_admin && !request.has_authorization) return block("401", "Authentication required", false, "admin-blocked");
  if (contains_any(request.uri, SQL_INJECTION)) return block("403", "Forbidden", is_admin, "sqli-detected");
  if (contains_any(request.uri, PATH_TRAVERSAL)) return block("403", "Forbidden", is_admin, "path-traversal");
  if (contains_any(request.uri, CROSS_SITE_SCRIPTING)) return block("403", "Forbidden", is_admin, "xss-detected");
  if (request.is_scanner) return block("403", "Forbidden", is_admin, "scanner-blocked");

  json_writer writer = {output, 0, sizeof output};
  json_put(&writer, "{\"decision\":\"allow\",\"add_request_headers\":{\"X-Client-IP\":");
  json_put_text(&writer, request.client_ip);
  json_put(&writer, ",\"X-Wasm-Processed\":\"true\"}");
  if (is_admin) json_put(&writer, ",\"tags\":[\"admin-access\"]");
  json_put(&writer, "}");
  return result(writer.bytes, writer.length);
}

EXPORT(on_response_headers) uint64_t on_response_headers(char *input, size_t length) {
  const uint32_t status = read_status((json_reader){input, input + length});

  json_writer writer = {output, 0, sizeof output};
  json_put(&writer, "{\"decision\":\"allow\","
                    "\"add_response_headers\":{"
                    "\"X-Content-Type-Options\":\"nosniff\","
                    "\"X-Frame-Options\":\"DENY\","
                    "\"X-XSS-Protection\":\"1; mode=block\"},"
                    "\"remove_response_headers\":[\"Server\",\"X-Powered-By\"],"
                    "\"tags\":[\"status-");
  json_put_uint(&writer, status);
  json_put(&writer, "\"]}");
  return result(writer.bytes, writer.length);
}
