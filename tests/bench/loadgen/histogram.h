/*
 * A log-linear histogram of nanoseconds: 128 steps an octave, so a reported value is at most 0.8 % above the true
 * one, at any size. Recording is an index computation and an increment.
 */
#ifndef LOADGEN_HISTOGRAM_H
#define LOADGEN_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
  STEP_BITS = 7,
  STEPS = 1 << STEP_BITS,
  /* 2^41 ns is some 36 minutes; anything longer is counted in the last step. */
  OCTAVES = 41 - STEP_BITS,
  HISTOGRAM_SIZE = (OCTAVES + 1) * STEPS,
};

struct histogram {
  uint64_t counts[HISTOGRAM_SIZE];
  uint64_t total;
  uint64_t min_ns;
  uint64_t max_ns;
  double sum_ns;
};

static inline unsigned histogram_index(uint64_t ns) {
  if (ns < 2 * STEPS) return (unsigned)ns;
  unsigned shift = (unsigned)(63 - __builtin_clzll(ns)) - STEP_BITS;
  unsigned index = (shift << STEP_BITS) + (unsigned)(ns >> shift);
  return index < HISTOGRAM_SIZE ? index : HISTOGRAM_SIZE - 1;
}

/* The smallest value that falls into a step. */
static inline uint64_t histogram_floor(unsigned index) {
  if (index < 2 * STEPS) return index;
  unsigned shift = (index >> STEP_BITS) - 1;
  return (uint64_t)((index & (STEPS - 1)) + STEPS) << shift;
}

static inline void histogram_record(struct histogram *h, uint64_t ns) {
  h->counts[histogram_index(ns)]++;
  if (h->total++ == 0 || ns < h->min_ns) h->min_ns = ns;
  if (ns > h->max_ns) h->max_ns = ns;
  h->sum_ns += (double)ns;
}

/* The value that a share of all recorded ones does not exceed, rounded up to the end of its step. */
static uint64_t histogram_quantile(const struct histogram *h, double share) {
  if (h->total == 0) return 0;
  uint64_t wanted = (uint64_t)(share * (double)h->total + 0.5);
  if (wanted == 0) wanted = 1;
  uint64_t seen = 0;
  for (unsigned i = 0; i < HISTOGRAM_SIZE; i++) {
    seen += h->counts[i];
    if (seen >= wanted) {
      uint64_t ceiling = histogram_floor(i + 1) - 1;
      return ceiling < h->max_ns ? ceiling : h->max_ns;
    }
  }
  return h->max_ns;
}

static void histogram_print_summary(const struct histogram *h, FILE *out) {
  double mean_us = h->total == 0 ? 0 : h->sum_ns / (double)h->total / 1e3;
  fprintf(out, "{\"min\":%.1f,\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}",
          (double)h->min_ns / 1e3, mean_us, (double)histogram_quantile(h, 0.5) / 1e3,
          (double)histogram_quantile(h, 0.9) / 1e3, (double)histogram_quantile(h, 0.99) / 1e3,
          (double)histogram_quantile(h, 0.999) / 1e3, (double)h->max_ns / 1e3);
}

/* The shape for a chart: [from in microseconds, count] for every filled eighth of an octave. */
static void histogram_print_shape(const struct histogram *h, FILE *out) {
  enum { MERGED = STEPS / 8 };
  const char *comma = "";
  fputc('[', out);
  for (unsigned i = 0; i < HISTOGRAM_SIZE; i += MERGED) {
    uint64_t count = 0;
    for (unsigned j = 0; j < MERGED; j++) count += h->counts[i + j];
    if (count == 0) continue;
    fprintf(out, "%s[%.3f,%llu]", comma, (double)histogram_floor(i) / 1e3, (unsigned long long)count);
    comma = ",";
  }
  fputc(']', out);
}

#endif
