/*
 * `loadgen start`: starts an agent and measures the time until its socket takes a connection and until the first
 * event is answered, then stops it.
 */
#ifndef LOADGEN_START_PROBE_H
#define LOADGEN_START_PROBE_H

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "frames.h"
#include "machine.h"
#include "options.h"

/* Sends one v1 event and waits for the whole answer. */
static bool ask_once(int fd) {
  static struct frame frame;
  static uint8_t buffer[MAX_FRAME_BYTES];
  uint8_t id[ID_LENGTH];
  render_frame(&frame, false, uris[0], 950);
  size_t length = write_event(&frame, buffer, 1, 0, id);
  if (write(fd, buffer, length) != (ssize_t)length) return false;
  if (!read_exactly(fd, buffer, 4)) return false;
  size_t answer = read_length(buffer);
  return answer <= sizeof buffer && read_exactly(fd, buffer, answer);
}

static void stop_process(pid_t pid) {
  struct timespec pause = {.tv_nsec = 2 * 1000 * 1000};
  kill(pid, SIGTERM);
  for (int i = 0; i < 2500; i++) {
    if (waitpid(pid, NULL, WNOHANG) != 0) return;
    nanosleep(&pause, NULL);
  }
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
}

static int measure_start(const char *socket_path, double timeout_s, char **command) {
  struct timespec pause = {.tv_nsec = 200 * 1000};
  unlink(socket_path);
  uint64_t started = now_ns();
  pid_t pid = fork();
  if (pid == 0) {
    if (freopen("/dev/null", "w", stdout) == NULL) _exit(126);
    execvp(command[0], command);
    _exit(127);
  }
  if (pid < 0) {
    perror("loadgen: cannot start a process");
    return 1;
  }

  int fd = -1;
  uint64_t give_up = started + (uint64_t)(timeout_s * 1e9);
  while ((fd = connect_socket(socket_path)) < 0) {
    int status;
    if (waitpid(pid, &status, WNOHANG) == pid) {
      fprintf(stderr, "loadgen: %s ended before it listened\n", command[0]);
      return 1;
    }
    if (now_ns() > give_up) {
      fprintf(stderr, "loadgen: %s does not listen after %g s\n", command[0], timeout_s);
      stop_process(pid);
      return 1;
    }
    nanosleep(&pause, NULL);
  }
  uint64_t connected = now_ns();
  bool answered = ask_once(fd);
  uint64_t done = now_ns();
  uint64_t resident_kb = resident_kilobytes(pid);
  close(fd);
  stop_process(pid);
  if (!answered) {
    fprintf(stderr, "loadgen: %s closed the connection instead of answering the first event\n", command[0]);
    return 1;
  }
  printf("{\"connectMs\":%.2f,\"firstAnswerMs\":%.2f,\"residentKb\":%llu}\n", (double)(connected - started) / 1e6,
         (double)(done - started) / 1e6, (unsigned long long)resident_kb);
  return 0;
}

static int start_command(int argc, char **argv) {
  static const struct option names[] = {
      {"socket", required_argument, NULL, 's'},
      {"timeout", required_argument, NULL, 't'},
      {NULL, 0, NULL, 0},
  };
  const char *socket_path = NULL;
  double timeout_s = 10;
  for (int c; (c = getopt_long(argc, argv, "+", names, NULL)) != -1;) {
    if (c == '?') usage_error("start: unknown or incomplete option", NULL);
    if (c == 's') socket_path = optarg;
    if (c == 't') timeout_s = number("timeout", optarg, 0.001, 3600);
  }
  if (socket_path == NULL || optind >= argc) usage_error("start needs --socket PATH and a command after --", NULL);
  return measure_start(socket_path, timeout_s, argv + optind);
}

#endif
