/*
 * One connection of the generator: opening, sending a frame, losing it and coming back.
 */
#ifndef LOADGEN_CONNECTION_H
#define LOADGEN_CONNECTION_H

#include <fcntl.h>

#include "machine.h"
#include "state.h"

/* Connects, and on v2 shakes hands; blocking, because no event can flow before. */
static bool open_connection(struct connection *c) {
  c->fd = connect_socket(run.options.socket_path);
  if (c->fd < 0) return false;
  if (run.options.v2) {
    uint8_t hello[256];
    size_t length = write_handshake(hello);
    struct timeval patience = {.tv_sec = 10};
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (write(c->fd, hello, length) != (ssize_t)length || !read_exactly(c->fd, c->input, 5)) goto refused;
    size_t payload = read_length(c->input);
    if (payload < 1 || payload > INPUT_BYTES || c->input[4] != MESSAGE_HANDSHAKE_RESPONSE) goto refused;
    if (!read_exactly(c->fd, c->input, payload - 1)) goto refused;
    if (memmem(c->input, payload - 1, LITERAL("\"success\":true")) == NULL) goto refused;
  }
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  c->ready = true;
  c->waits_for_room = false;
  c->input_used = 0;
  c->output_start = 0;
  c->output_end = 0;
  c->free_places = 0;
  for (unsigned i = run.options.in_flight; i-- > 0;) {
    c->places[i].busy = false;
    c->free_stack[c->free_places++] = i;
  }
  run.free_places += run.options.in_flight;
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(run.epoll, EPOLL_CTL_ADD, c->fd, &event);
  return true;

refused:
  close(c->fd);
  errno = EPROTO;
  return false;
}

/* Counts what was in flight as lost; `reconnect_lost` opens the connection again, as a proxy would. */
static void lose_connection(struct connection *c) {
  unsigned in_flight = run.options.in_flight - c->free_places;
  run.in_flight -= in_flight;
  run.free_places -= c->free_places;
  run.lost += in_flight;
  run.errors++;
  c->ready = false;
  run.to_reconnect++;
  close(c->fd);
}

static void reconnect_lost(void) {
  run.to_reconnect = 0;
  for (unsigned i = 0; i < run.options.connections; i++) {
    struct connection *c = &run.connections[i];
    if (c->ready || c->dead) continue;
    if (run.reconnects < MAX_RECONNECTS && open_connection(c)) {
      run.reconnects++;
    } else {
      c->dead = true;
      run.dead++;
    }
  }
}

static void watch_for_room(struct connection *c, bool wanted) {
  if (c->waits_for_room == wanted) return;
  c->waits_for_room = wanted;
  struct epoll_event event = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0u), .data.ptr = c};
  epoll_ctl(run.epoll, EPOLL_CTL_MOD, c->fd, &event);
}

static void flush(struct connection *c) {
  while (c->output_start < c->output_end) {
    ssize_t wrote = write(c->fd, c->output + c->output_start, c->output_end - c->output_start);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && errno == EAGAIN) {
      /* What waits moves to the front, so that a frame for every place fits behind it. */
      memmove(c->output, c->output + c->output_start, c->output_end - c->output_start);
      c->output_end -= c->output_start;
      c->output_start = 0;
      watch_for_room(c, true);
      return;
    }
    if (wrote < 0) {
      lose_connection(c);
      return;
    }
    c->output_start += (size_t)wrote;
  }
  c->output_start = 0;
  c->output_end = 0;
  watch_for_room(c, false);
}

/* Sends one event on a connection with a free place, in a write of its own: the proxies flush after every frame. */
static void send_event(struct connection *c, uint64_t counted_from_ns, bool poison) {
  unsigned index = c->free_stack[--c->free_places];
  struct place *place = &c->places[index];
  uint64_t count = run.sent++;
  const struct frame *frame = poison ? &run.poison_frame : &run.frames[count % FRAME_VARIANTS];
  c->output_end += write_event(frame, c->output + c->output_end, count, index, place->id);
  place->counted_from_ns = counted_from_ns;
  place->busy = true;
  place->poison = poison;
  place->measured = counted_from_ns >= run.measure_from_ns && counted_from_ns < run.measure_to_ns;
  run.free_places--;
  run.in_flight++;
  if (!c->waits_for_room) flush(c);
}

#endif
