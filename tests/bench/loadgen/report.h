/*
 * What is read at both ends of the measured time, and the result as one JSON object.
 */
#ifndef LOADGEN_REPORT_H
#define LOADGEN_REPORT_H

#include <math.h>

#include "machine.h"
#include "state.h"

struct window {
  uint64_t from_ns;
  double seconds;
  double own_cpu_seconds;
  double agent_cpu_seconds;
  double other_cpu_seconds;
  uint64_t agent_kb_before;
  uint64_t agent_kb_after;
  uint64_t lost_before;
  uint64_t unsent;
};

static struct window open_window(void) {
  struct window w = {
      .from_ns = now_ns(),
      .own_cpu_seconds = own_cpu_seconds(),
      .other_cpu_seconds = machine_busy_seconds(),
      .lost_before = run.lost,
  };
  if (run.options.agent_pid != 0) {
    w.agent_cpu_seconds = process_cpu_seconds(run.options.agent_pid);
    w.agent_kb_before = resident_kilobytes(run.options.agent_pid);
  }
  return w;
}

static void close_window(struct window *w) {
  w->seconds = (double)(now_ns() - w->from_ns) / 1e9;
  w->own_cpu_seconds = own_cpu_seconds() - w->own_cpu_seconds;
  if (run.options.agent_pid != 0) {
    w->agent_cpu_seconds = process_cpu_seconds(run.options.agent_pid) - w->agent_cpu_seconds;
    w->agent_kb_after = resident_kilobytes(run.options.agent_pid);
  }
  double busy = machine_busy_seconds() - w->other_cpu_seconds;
  w->other_cpu_seconds = fmax(0, busy - w->own_cpu_seconds - w->agent_cpu_seconds);
  if (run.options.rate > 0 && run.next_normal_ns < (double)run.measure_to_ns) {
    w->unsent = (uint64_t)(((double)run.measure_to_ns - run.next_normal_ns) / run.period_ns);
  }
}

static void print_count(const char *name, uint64_t value) { printf("\"%s\":%llu,", name, (unsigned long long)value); }

static void print_tally(const char *name, const struct tally *tally) {
  printf("\"%s\":{", name);
  print_count("events", tally->latency.total);
  print_count("notAllowed", tally->not_allowed);
  printf("\"latencyUs\":");
  histogram_print_summary(&tally->latency, stdout);
  printf(",\"shape\":");
  histogram_print_shape(&tally->latency, stdout);
  printf("}");
}

static void print_report(const struct window *w) {
  const struct options *o = &run.options;
  printf("{\"protocol\":\"%s\",\"connections\":%u,\"inFlight\":%u,\"rate\":%g,\"seconds\":%.3f,", o->v2 ? "v2" : "v1",
         o->connections, o->in_flight, o->rate, w->seconds);
  print_count("frameBytes", run.frames[FRAME_VARIANTS - 1].length);
  print_count("answered", run.answered_in_window);
  printf("\"eventsPerSecond\":%.1f,", (double)run.answered_in_window / w->seconds);
  print_count("errors", run.errors);
  print_count("wrongIds", run.wrong_ids);
  print_count("unanswered", run.in_flight + run.lost - w->lost_before);
  print_count("unsent", w->unsent);
  print_count("reconnects", run.reconnects);
  printf("\"generatorCpuShare\":%.3f,", w->own_cpu_seconds / w->seconds);
  if (o->agent_pid != 0) {
    double events = (double)(run.answered_in_window == 0 ? 1 : run.answered_in_window);
    printf("\"agentCpuShare\":%.3f,\"agentCpuUsPerEvent\":%.2f,\"agentResidentKb\":[%llu,%llu],",
           w->agent_cpu_seconds / w->seconds, w->agent_cpu_seconds * 1e6 / events, (unsigned long long)w->agent_kb_before,
           (unsigned long long)w->agent_kb_after);
    printf("\"otherCpuShare\":%.3f,", w->other_cpu_seconds / w->seconds);
  }
  if (o->rate > 0) {
    printf("\"sendLagUs\":");
    histogram_print_summary(&run.send_lag, stdout);
    printf(",");
  }
  print_tally("normal", &run.normal);
  if (o->poison_uri != NULL) {
    printf(",");
    print_tally("poison", &run.poison);
  }
  printf("}\n");
}

#endif
