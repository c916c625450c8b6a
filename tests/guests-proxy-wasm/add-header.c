/*
 * The smallest filter there is, without any SDK: one more header on each request. What a host needs for its life is what
 * the host itself costs.
 */

typedef unsigned int u32;

#define EXPORT(name) __attribute__((export_name(#name)))
#define IMPORT(name) __attribute__((import_module("env"), import_name(#name)))

IMPORT(proxy_add_header_map_value)
extern u32 add_header(u32 map, const char *name, u32 name_bytes, const char *value, u32 value_bytes);

static char memory[1024];

EXPORT(proxy_abi_version_0_2_1) void version(void) {}
EXPORT(malloc) void *allocate(u32 bytes) { return bytes <= sizeof memory ? memory : 0; }
EXPORT(proxy_on_context_create) void create(u32 context, u32 parent) { (void)context, (void)parent; }
EXPORT(proxy_on_request_headers) u32 request_headers(u32 context, u32 pairs, u32 end) {
  (void)context, (void)pairs, (void)end;
  return add_header(0, "x-filter", 8, "proxy-wasm", 10);
}
EXPORT(proxy_on_done) u32 done(u32 context) { return (void)context, 1; }
EXPORT(proxy_on_log) void log(u32 context) { (void)context; }
EXPORT(proxy_on_delete) void delete(u32 context) { (void)context; }
