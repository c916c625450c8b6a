/*
 * `loadgen respond`: answers v1 events with one fixed "allow" and works for a given time on each, without a runtime, a
 * collector or a second thread. What latencies it shows are the machine's and the generator's own.
 */
#ifndef LOADGEN_PLAIN_RESPONDER_H
#define LOADGEN_PLAIN_RESPONDER_H

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "machine.h"

enum { RESPONDER_BYTES = 65536, RESPONDER_EVENTS = 256, RESPONDER_BACKLOG = 512 };

struct asker {
  int fd;
  size_t used;
  uint8_t bytes[RESPONDER_BYTES];
};

static const char plain_allow[] = "\0\0\0\x20{\"version\":1,\"decision\":\"allow\"}";

static void responder_fails(const char *what) {
  fprintf(stderr, "loadgen: respond: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int listen_at(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    responder_fails(path);
  }
  strcpy(address.sun_path, path);
  unlink(path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 || listen(fd, RESPONDER_BACKLOG) != 0) {
    responder_fails(path);
  }
  return fd;
}

static void work_for(uint64_t ns) {
  if (ns == 0) return;
  for (uint64_t until = now_ns() + ns; now_ns() < until;) {
  }
}

/* All answers to one read leave with one write. False: the asker is gone, or sends what is no frame. */
static bool answer_asker(struct asker *a, uint64_t work_ns) {
  static uint8_t answers[RESPONDER_BYTES];
  ssize_t got = read(a->fd, a->bytes + a->used, RESPONDER_BYTES - a->used);
  if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
  a->used += (size_t)got;
  size_t at = 0, answered = 0;
  while (a->used - at >= 4) {
    const uint8_t *length = a->bytes + at;
    size_t frame = 4 + ((size_t)length[0] << 24 | (size_t)length[1] << 16 | (size_t)length[2] << 8 | length[3]);
    if (frame > RESPONDER_BYTES) return false;
    if (a->used - at < frame) break;
    at += frame;
    work_for(work_ns);
    memcpy(answers + answered, plain_allow, sizeof plain_allow - 1);
    answered += sizeof plain_allow - 1;
  }
  memmove(a->bytes, a->bytes + at, a->used - at);
  a->used -= at;
  return answered == 0 || write(a->fd, answers, answered) == (ssize_t)answered;
}

static void accept_asker(int epoll, int listener) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  struct asker *a = calloc(1, sizeof *a);
  if (a == NULL) responder_fails("a connection");
  a->fd = fd;
  struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = a};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted) != 0) responder_fails("a connection");
}

static int respond_command(int argc, char **argv) {
  const char *path = NULL;
  uint64_t work_ns = 0;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc) usage_error("unknown or incomplete option", argv[i]);
    if (strcmp(argv[i], "--socket") == 0) path = argv[i + 1];
    else if (strcmp(argv[i], "--work-ns") == 0) work_ns = (uint64_t)number("work-ns", argv[i + 1], 0, 1e9);
    else usage_error("unknown or incomplete option", argv[i]);
  }
  if (path == NULL) usage_error("--socket PATH is required", NULL);
  int listener = listen_at(path);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = NULL};
  if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &wanted) != 0) responder_fails(path);
  for (;;) {
    struct epoll_event events[RESPONDER_EVENTS];
    int ready = epoll_wait(epoll, events, RESPONDER_EVENTS, -1);
    for (int i = 0; i < ready; i++) {
      struct asker *a = events[i].data.ptr;
      if (a == NULL) {
        accept_asker(epoll, listener);
      } else if (!answer_asker(a, work_ns)) {
        close(a->fd);
        free(a);
      }
    }
  }
}

#endif
