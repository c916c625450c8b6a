#include "guest.h"

#define PAGE 65536u
#define ALIGNMENT 16u

// The linker puts this symbol behind the stack and all data.
extern char __heap_base;

// A stack of blocks that is cleared when the last one is given back. The host asks for one block an event and gives
// it back before the next, so nothing finer is needed.
static size_t heap_top;
static size_t blocks_in_use;

_Noreturn void fail(void) { __builtin_trap(); }

uint64_t result(const char *bytes, size_t length) {
  return (uint64_t)(uintptr_t)bytes << 32 | (uint32_t)length;
}

EXPORT(alloc) char *alloc(size_t size) {
  const size_t heap_base = (size_t)&__heap_base;
  if (blocks_in_use == 0) heap_top = (heap_base + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
  if (size > SIZE_MAX - PAGE - heap_top) fail();

  const size_t start = heap_top;
  const size_t end = (start + size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
  const size_t pages = (end + PAGE - 1) / PAGE;
  const size_t have = __builtin_wasm_memory_size(0);
  if (pages > have && __builtin_wasm_memory_grow(0, pages - have) == SIZE_MAX) fail();

  heap_top = end;
  blocks_in_use++;
  return (char *)start;
}

// The host also gives back results; those that lie below the heap are the module's own and need nothing.
EXPORT(dealloc) void dealloc(char *pointer, size_t size) {
  (void)size;
  if (pointer >= &__heap_base && blocks_in_use > 0) blocks_in_use--;
}
