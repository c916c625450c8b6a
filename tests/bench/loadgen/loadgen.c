/*
 * loadgen: a load generator for agents of the Sentinel / Zentinel proxy on a Unix socket, in either protocol.
 *
 * One thread, one epoll loop, no allocation and no formatting while events flow: frames are copied from rendered ones,
 * answers are looked at in place. All answers that one read brings are stamped with one clock reading. It reports its
 * own processor time, so that a run can tell whether the generator was the limit. README.md in the folder above says
 * how to read the figures.
 */
#define _GNU_SOURCE 1
#include <math.h>
#include <sys/prctl.h>

#include "answers.h"
#include "connection.h"
#include "plain-responder.h"
#include "report.h"
#include "start-probe.h"

enum { MAX_READY = 256 };

static double next_gap_ns(void) {
  if (!run.options.poisson) return run.period_ns;
  run.random ^= run.random << 13;
  run.random ^= run.random >> 7;
  run.random ^= run.random << 17;
  double uniform = ((double)(run.random >> 11) + 1) / 9007199254740993.0;
  return -log(uniform) * run.period_ns;
}

static bool is_nth_poison(void) {
  return run.options.poison_every != 0 && (run.sent + 1) % run.options.poison_every == 0;
}

/* Closed loop: the next event on every free place. */
static void fill_places(struct connection *c) {
  const struct options *o = &run.options;
  while (c->ready && c->free_places > 0) {
    uint64_t now = now_ns();
    bool poison = is_nth_poison();
    if (o->poison_interval_ns != 0 && run.next_poison_ns <= now) {
      run.next_poison_ns += o->poison_interval_ns;
      poison = true;
    }
    send_event(c, now, poison);
  }
}

static void fill_all_places(void) {
  for (unsigned i = 0; i < run.options.connections; i++) fill_places(&run.connections[i]);
}

static struct connection *next_free_connection(void) {
  for (;;) {
    struct connection *c = &run.connections[run.next_connection];
    run.next_connection = (run.next_connection + 1) % run.options.connections;
    if (c->ready && c->free_places > 0) return c;
  }
}

/* Open loop: sends everything that is due; answers when the next event is, UINT64_MAX while all places are taken. */
static uint64_t send_due(void) {
  const struct options *o = &run.options;
  while (run.free_places > 0) {
    uint64_t now = now_ns();
    uint64_t normal = (uint64_t)run.next_normal_ns;
    bool poison_first = o->poison_interval_ns != 0 && run.next_poison_ns < normal;
    uint64_t due = poison_first ? run.next_poison_ns : normal;
    if (due > now) return due;
    if (poison_first) {
      run.next_poison_ns += o->poison_interval_ns;
    } else {
      run.next_normal_ns += next_gap_ns();
    }
    if (due >= run.measure_from_ns) histogram_record(&run.send_lag, now - due);
    send_event(next_free_connection(), due, poison_first || is_nth_poison());
  }
  return UINT64_MAX;
}

static void on_readable(struct connection *c) {
  ssize_t got = read(c->fd, c->input + c->input_used, INPUT_BYTES - c->input_used);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    lose_connection(c);
    return;
  }
  c->input_used += (size_t)got;
  if (!consume_input(c, now_ns())) {
    fprintf(stderr, "loadgen: the agent sent bytes that are no frame\n");
    lose_connection(c);
    return;
  }
  if (run.options.rate == 0 && run.sending) fill_places(c);
}

/* One turn of the event loop, at most until the given time. */
static void turn(uint64_t until) {
  static struct epoll_event events[MAX_READY];
  const struct options *o = &run.options;
  uint64_t wake = until;
  if (run.to_reconnect > 0) {
    reconnect_lost();
    if (o->rate == 0 && run.sending) fill_all_places();
  }
  if (o->rate > 0 && run.sending) {
    uint64_t due = send_due();
    if (due < wake) wake = due;
  }
  uint64_t now = now_ns();
  uint64_t timeout = wake > now ? wake - now : 0;
  if (o->rate > 0) timeout = timeout > o->spin_ns ? timeout - o->spin_ns : 0;
  int ready = wait_events(run.epoll, events, MAX_READY, timeout);
  for (int i = 0; i < ready; i++) {
    struct connection *c = events[i].data.ptr;
    if (c->ready && events[i].events & EPOLLOUT) flush(c);
    if (c->ready && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) on_readable(c);
  }
}

static bool alive(void) { return run.dead < run.options.connections; }

static void *zeroed(size_t count, size_t size) {
  void *memory = calloc(count, size);
  if (memory == NULL) {
    fprintf(stderr, "loadgen: out of memory\n");
    exit(1);
  }
  return memory;
}

static void prepare(void) {
  const struct options *o = &run.options;
  for (unsigned i = 0; i < FRAME_VARIANTS; i++) render_frame(&run.frames[i], o->v2, uris[i], o->frame_bytes);
  if (o->poison_uri != NULL) render_frame(&run.poison_frame, o->v2, o->poison_uri, o->frame_bytes);
  size_t largest = run.poison_frame.length;
  for (unsigned i = 0; i < FRAME_VARIANTS; i++) {
    if (run.frames[i].length > largest) largest = run.frames[i].length;
  }

  run.epoll = epoll_create1(EPOLL_CLOEXEC);
  run.connections = zeroed(o->connections, sizeof *run.connections);
  for (unsigned i = 0; i < o->connections; i++) {
    struct connection *c = &run.connections[i];
    c->places = zeroed(o->in_flight, sizeof *c->places);
    c->free_stack = zeroed(o->in_flight, sizeof *c->free_stack);
    c->input = zeroed(INPUT_BYTES, 1);
    c->output = zeroed((size_t)o->in_flight + 1, largest);
    if (!open_connection(c)) {
      fprintf(stderr, "loadgen: no %s connection to %s: %s\n", o->v2 ? "v2" : "v1", o->socket_path, strerror(errno));
      exit(1);
    }
  }
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  if (argc > 1 && strcmp(argv[1], "start") == 0) return start_command(argc - 1, argv + 1);
  if (argc > 1 && strcmp(argv[1], "respond") == 0) return respond_command(argc - 1, argv + 1);
  run.options = parse_options(argc, argv);
  const struct options *o = &run.options;
  if (o->cpu >= 0) stay_on_cpu(o->cpu);
  prctl(PR_SET_TIMERSLACK, 1ul);
  prepare();

  uint64_t now = now_ns();
  run.random = 0x9e3779b97f4a7c15u;
  run.sending = true;
  run.measure_from_ns = now + (uint64_t)(o->warmup_s * 1e9);
  run.measure_to_ns = run.measure_from_ns + (uint64_t)(o->duration_s * 1e9);
  run.next_poison_ns = now + o->poison_interval_ns;
  if (o->rate > 0) {
    run.period_ns = 1e9 / o->rate;
    run.next_normal_ns = (double)now;
  } else {
    fill_all_places();
  }
  for (; now < run.measure_from_ns && alive(); now = now_ns()) turn(run.measure_from_ns);

  struct window window = open_window();
  while (now < run.measure_to_ns && alive()) {
    turn(run.measure_to_ns);
    now = now_ns();
    if (o->events != 0 && run.answered_in_window >= o->events) run.measure_to_ns = now;
  }
  close_window(&window);

  run.sending = false;
  uint64_t give_up = now + (uint64_t)(o->drain_s * 1e9);
  for (; run.in_flight > 0 && now < give_up && alive(); now = now_ns()) turn(give_up);
  print_report(&window);
  return 0;
}
