// The module's side of the JSON ABI: memory for the host, and the way to hand back a result.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(#name)))

// Ends the event with a trap, so that the host answers by its own failure policy. Never answer 0 instead of failing:
// 0 means "allow".
_Noreturn void fail(void);

// What a handler returns: where the result lies, and how long it is.
uint64_t result(const char *bytes, size_t length);
