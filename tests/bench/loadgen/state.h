/*
 * What one run of the generator keeps: the connections with their places in flight, the schedule, the tallies.
 */
#ifndef LOADGEN_STATE_H
#define LOADGEN_STATE_H

#include "frames.h"
#include "histogram.h"
#include "options.h"

enum {
  INPUT_BYTES = 256 * 1024,
  MAX_RECONNECTS = 1000,
};

/* A place in flight on one connection. */
struct place {
  uint64_t counted_from_ns;
  bool busy;
  bool poison;
  bool measured;
  uint8_t id[ID_LENGTH];
};

struct connection {
  int fd;
  bool ready;
  bool dead;
  bool waits_for_room;
  unsigned free_places;
  struct place *places;
  unsigned *free_stack;
  uint8_t *input;
  size_t input_used;
  uint8_t *output;
  size_t output_start;
  size_t output_end;
};

struct tally {
  struct histogram latency;
  uint64_t not_allowed;
};

struct run {
  struct options options;
  struct connection *connections;
  int epoll;
  struct frame frames[FRAME_VARIANTS];
  struct frame poison_frame;

  uint64_t measure_from_ns;
  uint64_t measure_to_ns;
  bool sending;
  uint64_t free_places;
  uint64_t in_flight;
  unsigned next_connection;
  uint64_t sent;

  double period_ns;
  double next_normal_ns;
  uint64_t next_poison_ns;
  uint64_t random;

  struct tally normal;
  struct tally poison;
  struct histogram send_lag;
  uint64_t answered_in_window;
  uint64_t wrong_ids;
  uint64_t errors;
  uint64_t lost;
  uint64_t reconnects;
  unsigned to_reconnect;
  unsigned dead;
};

static struct run run;

#endif
