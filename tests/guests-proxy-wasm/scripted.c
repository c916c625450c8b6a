/*
 * A filter that does what its configuration says: each line names a callback and one host call to make in it. What the
 * host answered goes to the log. So a test reads as a script, and every host function can be called with any arguments.
 *
 *     request_headers add_header_map_value 0 'x-a' 'one'
 *     request_headers get_header_map_value 0 'x-a' &
 *     request_headers return 1
 *
 * Arguments: a number is passed as it is; 'text' becomes a pointer and a length; [name:value,name:value] becomes the
 * pointer and length of a serialized map; @3 is the context id plus 3; & becomes the address of four bytes (a "cell") in
 * which the host stores a number, and &s those of a pointer and a size, whose bytes are logged. Numbers with an L are 64
 * bits wide, &L is the address of eight bytes.
 *
 * Lines may begin with a number and a slash, `2/request_body ...`: only the second call of that callback runs them.
 *
 * Freestanding: no C library, memory from a counter that each callback sets back.
 */

typedef unsigned int u32;
typedef unsigned long long u64;

#define EXPORT(name) __attribute__((export_name(#name)))
#define IMPORT(name) __attribute__((import_module("env"), import_name(#name)))

/* The types do not matter to a caller that finds out at run time: all are called through a table, by their arity. */
#define FUNCTIONS(F)                                                                                                    \
  F(proxy_log, 3) F(proxy_get_log_level, 1) F(proxy_get_current_time_nanoseconds, 1)                                    \
  F(proxy_set_tick_period_milliseconds, 1) F(proxy_get_buffer_bytes, 5) F(proxy_get_buffer_status, 3)                   \
  F(proxy_set_buffer_bytes, 5) F(proxy_get_configuration, 2) F(proxy_get_header_map_size, 2)                            \
  F(proxy_get_header_map_pairs, 3) F(proxy_set_header_map_pairs, 3) F(proxy_get_header_map_value, 5)                    \
  F(proxy_add_header_map_value, 5) F(proxy_replace_header_map_value, 5) F(proxy_remove_header_map_value, 3)             \
  F(proxy_continue_stream, 1) F(proxy_continue_request, 0) F(proxy_continue_response, 0) F(proxy_close_stream, 1)       \
  F(proxy_clear_route_cache, 0) F(proxy_send_local_response, 8) F(proxy_get_status, 3)                                  \
  F(proxy_set_effective_context, 1) F(proxy_done, 0) F(proxy_get_property, 4) F(proxy_set_property, 4)                  \
  F(proxy_get_shared_data, 5) F(proxy_set_shared_data, 5) F(proxy_register_shared_queue, 3)                             \
  F(proxy_resolve_shared_queue, 5) F(proxy_enqueue_shared_queue, 3) F(proxy_dequeue_shared_queue, 3)                    \
  F(proxy_define_metric, 4) F(proxy_get_metric, 2) F(proxy_http_call, 10) F(proxy_grpc_call, 12)                        \
  F(proxy_grpc_stream, 9) F(proxy_grpc_send, 4) F(proxy_grpc_cancel, 1) F(proxy_grpc_close, 1)                          \
  F(proxy_call_foreign_function, 6) F(proxy_redis_init, 7) F(proxy_redis_call, 5)                                       \
  F(proxy_inject_encoded_data_to_filter_chain, 3) F(proxy_get_upstream_hosts, 2)                                        \
  F(proxy_set_upstream_override_host, 2) F(proxy_vendor_novelty, 1)

#define P0 void
#define P1 u32
#define P2 u32, u32
#define P3 u32, u32, u32
#define P4 P3, u32
#define P5 P4, u32
#define P6 P5, u32
#define P7 P6, u32
#define P8 P7, u32
#define P9 P8, u32
#define P10 P9, u32
#define P11 P10, u32
#define P12 P11, u32

#define DECLARE(name, arity) IMPORT(name) extern u32 name(P##arity);
FUNCTIONS(DECLARE)
IMPORT(proxy_increment_metric) extern u32 proxy_increment_metric(u32, u64);
IMPORT(proxy_record_metric) extern u32 proxy_record_metric(u32, u64);

struct function {
  const char *name;
  u32 arity;
  void *call;
};
#define ENTRY(name, arity) {#name, arity, (void *)name},
static const struct function functions[] = {FUNCTIONS(ENTRY){0, 0, 0}};

/* Memory. */

#define ARENA_BYTES (4 * 1024 * 1024)
static char arena[ARENA_BYTES] __attribute__((aligned(8)));
static u32 used;
static char script[64 * 1024];
static u32 script_bytes;
/* What the allocator does instead of its work: see the command `allocator`. */
static char allocator_mode;
static u32 failing_size;

static void *take(u32 bytes) {
  u32 at = used;
  used = (used + bytes + 7) & ~7u;
  if (used > ARENA_BYTES) __builtin_trap();
  return arena + at;
}

EXPORT(proxy_on_memory_allocate) void *proxy_on_memory_allocate(u32 bytes) {
  if (bytes == 0) __builtin_trap();
  if (allocator_mode != 0 && (failing_size == 0 || failing_size == bytes)) {
    switch (allocator_mode) {
    case 'z': return 0;
    case 'o': return (void *)0xfffffff0u;
    case 't': __builtin_trap();
    case 'l': for (;;) __asm__ volatile("");
    case 'g': __builtin_wasm_memory_grow(0, 1); break;
    case 'f': proxy_get_status(0, 0, 0); break;
    }
  }
  return take(bytes);
}

/* Texts. */

static char line[64 * 1024];
static u32 line_bytes;

static void put(char c) {
  if (line_bytes < 60000) line[line_bytes++] = c;
}

static void put_text(const char *text) {
  while (*text != 0) put(*text++);
}

static void put_number(u64 n) {
  char digits[20];
  u32 count = 0;
  do digits[count++] = '0' + n % 10;
  while ((n /= 10) != 0);
  while (count > 0) put(digits[--count]);
}

static void put_hex(u32 byte) {
  put("0123456789abcdef"[byte >> 4]);
  put("0123456789abcdef"[byte & 15]);
}

static void put_bytes(const char *bytes, u32 count) {
  for (u32 i = 0; i < count; i++) {
    unsigned char c = bytes[i];
    if (c < 32 || c > 126 || c == '\\') {
      put_text("\\x");
      put_hex(c);
    } else put(c);
  }
}

/* The script. */

static const char *at, *end;

static void skip_blanks(void) {
  while (at < end && *at == ' ') at++;
}

static int is_end(void) {
  skip_blanks();
  return at >= end || *at == '\n';
}

static u32 read_word(char *word, u32 max) {
  u32 n = 0;
  skip_blanks();
  while (at < end && *at != ' ' && *at != '\n' && *at != '/' && n < max - 1) word[n++] = *at++;
  word[n] = 0;
  return n;
}

static int equals(const char *a, const char *b) {
  while (*a != 0 && *a == *b) a++, b++;
  return *a == *b;
}

static u64 read_number(void) {
  int negative = at < end && *at == '-';
  u64 n = 0;
  if (negative) at++;
  if (at + 1 < end && at[0] == '0' && at[1] == 'x') {
    for (at += 2; at < end; at++) {
      char c = *at | 32;
      if (*at >= '0' && *at <= '9') n = n * 16 + (*at - '0');
      else if (c >= 'a' && c <= 'f') n = n * 16 + (c - 'a' + 10);
      else break;
    }
  } else
    while (at < end && *at >= '0' && *at <= '9') n = n * 10 + (*at++ - '0');
  return negative ? -n : n;
}

static u32 hex_digit(char c) {
  return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

/* Up to the closing character, with \n, \0, \xHH and \\. */
static char *read_quoted(char stop1, char stop2, char stop3, u32 *count) {
  char *text = arena + used;
  u32 n = 0;
  while (at < end && *at != stop1 && *at != stop2 && *at != stop3) {
    char c = *at++;
    if (c == '\\' && at < end) {
      c = *at++;
      if (c == 'n') c = '\n';
      else if (c == '0') c = 0;
      else if (c == 'x') {
        c = hex_digit(at[0]) * 16 + hex_digit(at[1]);
        at += 2;
      }
    }
    text[n++] = c;
  }
  take(n + 1);
  *count = n;
  return text;
}

static void store(char *to, u32 n) {
  for (u32 i = 0; i < 4; i++) to[i] = n >> (8 * i);
}

/* [a:b,c:d] as a serialized map. */
static char *read_map(u32 *bytes) {
  char *names[64], *values[64];
  u32 name_bytes[64], value_bytes[64], pairs = 0, total = 4;
  while (at < end && *at != ']') {
    names[pairs] = read_quoted('=', ']', ']', &name_bytes[pairs]);
    if (at < end && *at == '=') at++;
    values[pairs] = read_quoted(',', ']', ']', &value_bytes[pairs]);
    if (at < end && *at == ',') at++;
    total += 8 + name_bytes[pairs] + value_bytes[pairs] + 2;
    pairs++;
  }
  at++;
  char *map = take(total), *to = map + 4 + 8 * pairs;
  store(map, pairs);
  for (u32 i = 0; i < pairs; i++) {
    store(map + 4 + 8 * i, name_bytes[i]);
    store(map + 8 + 8 * i, value_bytes[i]);
    for (u32 j = 0; j < name_bytes[i]; j++) *to++ = names[i][j];
    *to++ = 0;
    for (u32 j = 0; j < value_bytes[i]; j++) *to++ = values[i][j];
    *to++ = 0;
  }
  *bytes = total;
  return map;
}

#define MAX_ARGUMENTS 16
static u32 arguments[MAX_ARGUMENTS], argument_count;
static u64 wide;
/* What to log behind the status: n a number, s the bytes of a pointer and a size, L a number of 64 bits. */
static char results[MAX_ARGUMENTS];
static u32 result_cells[MAX_ARGUMENTS], result_count;

static void pass(u32 argument) {
  if (argument_count < MAX_ARGUMENTS) arguments[argument_count++] = argument;
}

static u32 pass_cell(char kind, u32 bytes) {
  char *cell = take(bytes);
  for (u32 i = 0; i < bytes; i++) cell[i] = 0;
  results[result_count] = kind;
  result_cells[result_count++] = (u32)cell;
  return (u32)cell;
}

static void read_arguments(u32 context) {
  argument_count = result_count = 0;
  while (!is_end()) {
    u32 count;
    if (*at == '\'') {
      at++;
      pass((u32)read_quoted('\'', '\'', '\'', &count));
      at++;
      pass(count);
    } else if (*at == '[') {
      at++;
      pass((u32)read_map(&count));
      pass(count);
    } else if (*at == '&') {
      at++;
      if (at < end && *at == 's') {
        u32 cell = pass_cell('s', 8);
        pass(cell);
        pass(cell + 4);
        at++;
      } else if (at < end && *at == 'L') {
        pass(pass_cell('L', 8));
        at++;
      } else pass(pass_cell('n', 4));
    } else if (*at == '@') {
      at++;
      pass(context + (u32)read_number());
    } else {
      u64 n = read_number();
      if (at < end && *at == 'L') {
        at++;
        wide = n;
      } else {
        if (at < end && *at != ' ' && *at != '\n') __builtin_trap();
        pass((u32)n);
      }
    }
  }
}

static u32 make_call(const struct function *f) {
  u32 *a = arguments;
  void *c = f->call;
  if (argument_count != f->arity) __builtin_trap();
  switch (f->arity) {
  case 0: return ((u32(*)(P0))c)();
  case 1: return ((u32(*)(P1))c)(a[0]);
  case 2: return ((u32(*)(P2))c)(a[0], a[1]);
  case 3: return ((u32(*)(P3))c)(a[0], a[1], a[2]);
  case 4: return ((u32(*)(P4))c)(a[0], a[1], a[2], a[3]);
  case 5: return ((u32(*)(P5))c)(a[0], a[1], a[2], a[3], a[4]);
  case 6: return ((u32(*)(P6))c)(a[0], a[1], a[2], a[3], a[4], a[5]);
  case 7: return ((u32(*)(P7))c)(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
  case 8: return ((u32(*)(P8))c)(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
  case 9: return ((u32(*)(P9))c)(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8]);
  case 10: return ((u32(*)(P10))c)(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9]);
  case 12: return ((u32(*)(P12))c)(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11]);
  }
  __builtin_trap();
}

static void log_call(const char *name, u32 status) {
  line_bytes = 0;
  put_text(name);
  put_text(" = ");
  put_number(status);
  for (u32 i = 0; i < result_count; i++) {
    u32 *cell = (u32 *)result_cells[i];
    put(' ');
    if (results[i] == 's') {
      put('\'');
      put_bytes((const char *)cell[0], cell[1]);
      put('\'');
    } else put_number(results[i] == 'L' ? *(u64 *)cell : *cell);
  }
  proxy_log(2, (u32)line, line_bytes);
}

static u32 returned;

static volatile u32 depth;

static void recurse(void) {
  volatile char frame[64];
  frame[0] = 1;
  if (depth++ != 0xffffffff) recurse();
  frame[1] = 1;
}

static void run_command(u32 context) {
  char name[64] = "proxy_";
  read_word(name + 6, sizeof name - 6);
  const char *word = name + 6;
  if (equals(word, "return")) {
    skip_blanks();
    returned = read_number();
  } else if (equals(word, "trap")) __builtin_trap();
  else if (equals(word, "loop")) for (;;) __asm__ volatile("");
  else if (equals(word, "recurse")) recurse();
  else if (equals(word, "grow")) {
    skip_blanks();
    __builtin_wasm_memory_grow(0, read_number());
  } else if (equals(word, "allocator")) {
    skip_blanks();
    allocator_mode = *at == '-' ? 0 : *at;
    at++;
    skip_blanks();
    failing_size = read_number();
  } else if (equals(word, "increment_metric") || equals(word, "record_metric")) {
    read_arguments(context);
    log_call(word, word[0] == 'i' ? proxy_increment_metric(arguments[0], wide) : proxy_record_metric(arguments[0], wide));
  } else {
    for (const struct function *f = functions; f->name != 0; f++) {
      if (!equals(f->name, name)) continue;
      read_arguments(context);
      log_call(word, make_call(f));
      return;
    }
    __builtin_trap();
  }
}

enum { CREATE, VM_START, CONFIGURE, TICK, REQUEST_HEADERS, REQUEST_BODY, RESPONSE_HEADERS, RESPONSE_BODY, DONE, LOG,
       DELETE, CALL_RESPONSE, QUEUE_READY, CALLBACKS };
static const char *const names[] = {"create", "vm_start", "configure", "tick", "request_headers", "request_body",
                                    "response_headers", "response_body", "done", "log", "delete", "call_response",
                                    "queue_ready"};
static u32 calls[CALLBACKS];

/* Logs the callback with what it was given, and runs its lines. */
static u32 run(u32 callback, u32 context, u32 first, u32 count, u32 a, u32 b, u32 c, u32 d) {
  u32 values[] = {a, b, c, d};
  used = 0;
  calls[callback]++;
  returned = first;
  line_bytes = 0;
  put_text(names[callback]);
  put(' ');
  put_number(context);
  for (u32 i = 0; i < count; i++) {
    put(' ');
    put_number(values[i]);
  }
  proxy_log(1, (u32)line, line_bytes);
  at = script;
  end = script + script_bytes;
  while (at < end) {
    char word[64];
    u32 only = 0;
    read_word(word, sizeof word);
    if (at < end && *at == '/') {
      for (const char *digit = word; *digit != 0; digit++) only = only * 10 + (*digit - '0');
      at++;
      read_word(word, sizeof word);
    }
    if (equals(word, names[callback]) && (only == 0 || only == calls[callback])) run_command(context);
    while (at < end && *at != '\n') at++;
    at++;
  }
  return returned;
}

/* The configuration is the script; it is read when a callback of the root runs for the first time. */
static void read_script(u32 buffer) {
  u32 cells[2] = {0, 0};
  (void)buffer;
#if VERSION == 100
  if (proxy_get_configuration((u32)&cells[0], (u32)&cells[1]) != 0) return;
#else
  if (proxy_get_buffer_bytes(buffer, 0, 0xffffffff, (u32)&cells[0], (u32)&cells[1]) != 0) return;
#endif
  if (cells[1] == 0) return;
  script_bytes = cells[1] < sizeof script ? cells[1] : sizeof script;
  for (u32 i = 0; i < script_bytes; i++) script[i] = ((char *)cells[0])[i];
}

#if VERSION == 100
EXPORT(proxy_abi_version_0_1_0) void version(void) {}
#elif VERSION == 200
EXPORT(proxy_abi_version_0_2_0) void version(void) {}
#elif VERSION == 201
EXPORT(proxy_abi_version_0_2_1) void version(void) {}
#else
EXPORT(proxy_abi_version_0_2_100) void version(void) {}
#endif

EXPORT(proxy_on_context_create) void proxy_on_context_create(u32 context, u32 parent) {
  run(CREATE, context, 0, 1, parent, 0, 0, 0);
}
EXPORT(proxy_on_vm_start) u32 proxy_on_vm_start(u32 context, u32 bytes) {
  used = 0;
  if (bytes > 0) read_script(6);
  return run(VM_START, context, 1, 1, bytes, 0, 0, 0);
}
EXPORT(proxy_on_configure) u32 proxy_on_configure(u32 context, u32 bytes) {
  used = 0;
  if (bytes > 0) read_script(7);
  return run(CONFIGURE, context, 1, 1, bytes, 0, 0, 0);
}
EXPORT(proxy_on_tick) void proxy_on_tick(u32 context) { run(TICK, context, 0, 0, 0, 0, 0, 0); }
#if VERSION == 100
EXPORT(proxy_on_request_headers) u32 proxy_on_request_headers(u32 context, u32 pairs) {
  return run(REQUEST_HEADERS, context, 0, 1, pairs, 0, 0, 0);
}
EXPORT(proxy_on_response_headers) u32 proxy_on_response_headers(u32 context, u32 pairs) {
  return run(RESPONSE_HEADERS, context, 0, 1, pairs, 0, 0, 0);
}
#else
EXPORT(proxy_on_request_headers) u32 proxy_on_request_headers(u32 context, u32 pairs, u32 end_of_stream) {
  return run(REQUEST_HEADERS, context, 0, 2, pairs, end_of_stream, 0, 0);
}
EXPORT(proxy_on_response_headers) u32 proxy_on_response_headers(u32 context, u32 pairs, u32 end_of_stream) {
  return run(RESPONSE_HEADERS, context, 0, 2, pairs, end_of_stream, 0, 0);
}
#endif
EXPORT(proxy_on_request_body) u32 proxy_on_request_body(u32 context, u32 bytes, u32 end_of_stream) {
  return run(REQUEST_BODY, context, 0, 2, bytes, end_of_stream, 0, 0);
}
EXPORT(proxy_on_response_body) u32 proxy_on_response_body(u32 context, u32 bytes, u32 end_of_stream) {
  return run(RESPONSE_BODY, context, 0, 2, bytes, end_of_stream, 0, 0);
}
EXPORT(proxy_on_done) u32 proxy_on_done(u32 context) { return run(DONE, context, 1, 0, 0, 0, 0, 0); }
EXPORT(proxy_on_log) void proxy_on_log(u32 context) { run(LOG, context, 0, 0, 0, 0, 0, 0); }
EXPORT(proxy_on_delete) void proxy_on_delete(u32 context) { run(DELETE, context, 0, 0, 0, 0, 0, 0); }
EXPORT(proxy_on_http_call_response)
void proxy_on_http_call_response(u32 context, u32 call, u32 headers, u32 bytes, u32 trailers) {
  run(CALL_RESPONSE, context, 0, 4, call, headers, bytes, trailers);
}
EXPORT(proxy_on_queue_ready) void proxy_on_queue_ready(u32 context, u32 queue) {
  run(QUEUE_READY, context, 0, 1, queue, 0, 0, 0);
}
