/*
 * The command line of `loadgen`.
 */
#ifndef LOADGEN_OPTIONS_H
#define LOADGEN_OPTIONS_H

#include <getopt.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frames.h"

/* Names the sources a binary was built from; build.ts sets it. */
#ifndef SOURCE_HASH
#define SOURCE_HASH "unknown"
#endif

struct options {
  const char *socket_path;
  bool v2;
  unsigned connections;
  unsigned in_flight;
  double warmup_s;
  double duration_s;
  double drain_s;
  uint64_t events;
  double rate;
  bool poisson;
  uint64_t spin_ns;
  size_t frame_bytes;
  int agent_pid;
  int cpu;
  const char *poison_uri;
  uint64_t poison_every;
  uint64_t poison_interval_ns;
};

static const char usage[] =
    "Usage: loadgen --socket PATH [options]        send events, print one JSON object\n"
    "       loadgen start --socket PATH -- COMMAND  time a start up to the first answer\n"
    "       loadgen respond --socket PATH [--work-ns N]  answer v1 events, and work so long on each\n"
    "\n"
    "  --protocol v1|v2        what to speak (v1)\n"
    "  --connections N         connections (1)\n"
    "  --in-flight N           events in flight on each, v2 only (1)\n"
    "  --warmup S              seconds before measuring starts (1)\n"
    "  --duration S            seconds to measure (5)\n"
    "  --events N              stop after N measured events, even before the duration is over\n"
    "  --rate N                open loop: N events a second, latency from the intended send time;\n"
    "                          without it closed loop: every answer is followed by the next event\n"
    "  --arrivals uniform|poisson   spacing of the open loop (uniform)\n"
    "  --spin-us N             open loop: spin instead of sleeping when the next send is this near (50)\n"
    "  --frame-bytes N         size of a frame, 950 to 1200 (950)\n"
    "  --poison-uri TEXT       uri of poison events, counted apart\n"
    "  --poison-every N        every Nth event is poison\n"
    "  --poison-interval-ms N  one poison event each N ms (open loop: beside the rate)\n"
    "  --drain S               seconds to wait for the last answers (2)\n"
    "  --pid N                 the agent's process: report its processor time and memory, and\n"
    "                          what everything else on the machine used\n"
    "  --cpu N                 run on this processor only\n"
    "  --timeout S             start: seconds to wait for the socket (10)\n";

static void usage_error(const char *what, const char *value) {
  fprintf(stderr, "loadgen: %s%s%s\n\n%s", what, value == NULL ? "" : ": ", value == NULL ? "" : value, usage);
  exit(2);
}

static double number(const char *name, const char *text, double least, double most) {
  char *end;
  double value = strtod(text, &end);
  if (*text == 0 || *end != 0 || !(value >= least && value <= most)) {
    fprintf(stderr, "loadgen: --%s %s: expected a number from %g to %g\n", name, text, least, most);
    exit(2);
  }
  return value;
}

static bool one_of(const char *name, const char *text, const char *no, const char *yes) {
  if (strcmp(text, yes) == 0) return true;
  if (strcmp(text, no) == 0) return false;
  fprintf(stderr, "loadgen: --%s %s: expected %s or %s\n", name, text, no, yes);
  exit(2);
}

static struct options parse_options(int argc, char **argv) {
  static const struct option names[] = {
      {"socket", required_argument, NULL, 's'},
      {"protocol", required_argument, NULL, 'p'},
      {"connections", required_argument, NULL, 'c'},
      {"in-flight", required_argument, NULL, 'f'},
      {"warmup", required_argument, NULL, 'w'},
      {"duration", required_argument, NULL, 'd'},
      {"events", required_argument, NULL, 'n'},
      {"rate", required_argument, NULL, 'r'},
      {"arrivals", required_argument, NULL, 'a'},
      {"spin-us", required_argument, NULL, 'S'},
      {"frame-bytes", required_argument, NULL, 'b'},
      {"poison-uri", required_argument, NULL, 'u'},
      {"poison-every", required_argument, NULL, 'e'},
      {"poison-interval-ms", required_argument, NULL, 'i'},
      {"drain", required_argument, NULL, 'D'},
      {"pid", required_argument, NULL, 'P'},
      {"cpu", required_argument, NULL, 'C'},
      {"version", no_argument, NULL, 'V'},
      {"help", no_argument, NULL, 'h'},
      {NULL, 0, NULL, 0},
  };
  struct options o = {
      .connections = 1,
      .in_flight = 1,
      .warmup_s = 1,
      .duration_s = 5,
      .drain_s = 2,
      .spin_ns = 50000,
      .frame_bytes = 950,
      .cpu = -1,
  };
  int index = 0;
  for (int c; (c = getopt_long(argc, argv, "", names, &index)) != -1;) {
    if (c == '?') usage_error("unknown or incomplete option", NULL);
    if (c == 'h') {
      fputs(usage, stdout);
      exit(0);
    }
    if (c == 'V') {
      puts("loadgen " SOURCE_HASH);
      exit(0);
    }
    const char *name = names[index].name;
    switch (c) {
      case 's': o.socket_path = optarg; break;
      case 'p': o.v2 = one_of(name, optarg, "v1", "v2"); break;
      case 'c': o.connections = (unsigned)number(name, optarg, 1, 4096); break;
      case 'f': o.in_flight = (unsigned)number(name, optarg, 1, 65536); break;
      case 'w': o.warmup_s = number(name, optarg, 0, 3600); break;
      case 'd': o.duration_s = number(name, optarg, 0.001, 86400); break;
      case 'n': o.events = (uint64_t)number(name, optarg, 1, 1e12); break;
      case 'r': o.rate = number(name, optarg, 0.1, 1e7); break;
      case 'a': o.poisson = one_of(name, optarg, "uniform", "poisson"); break;
      case 'S': o.spin_ns = (uint64_t)(number(name, optarg, 0, 1e6) * 1e3); break;
      case 'b': o.frame_bytes = (size_t)number(name, optarg, 950, 1200); break;
      case 'u': o.poison_uri = optarg; break;
      case 'e': o.poison_every = (uint64_t)number(name, optarg, 1, 1e12); break;
      case 'i': o.poison_interval_ns = (uint64_t)(number(name, optarg, 0.01, 1e6) * 1e6); break;
      case 'D': o.drain_s = number(name, optarg, 0, 3600); break;
      case 'C': o.cpu = (int)number(name, optarg, 0, CPU_SETSIZE - 1); break;
      case 'P': o.agent_pid = (int)number(name, optarg, 1, 1e9); break;
      default: break;
    }
  }
  if (optind < argc) usage_error("unexpected argument", argv[optind]);
  if (o.socket_path == NULL) usage_error("--socket PATH is required", NULL);
  if (!o.v2 && o.in_flight > 1) usage_error("--in-flight needs --protocol v2: v1 has one event in flight", NULL);
  if ((o.poison_every != 0 || o.poison_interval_ns != 0) && o.poison_uri == NULL) {
    usage_error("--poison-every and --poison-interval-ms need --poison-uri TEXT", NULL);
  }
  if (o.poison_uri != NULL && (strlen(o.poison_uri) > 256 || strpbrk(o.poison_uri, "\"\\") != NULL)) {
    usage_error("--poison-uri takes at most 256 characters and no quote or backslash", NULL);
  }
  return o;
}

#endif
