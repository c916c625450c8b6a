/*
 * What the generator asks of the machine: clock, sockets, processor time and memory of a process.
 */
#ifndef LOADGEN_MACHINE_H
#define LOADGEN_MACHINE_H

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static inline uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A connected blocking socket, or -1 with errno set. */
static int connect_socket(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = strlen(path);
  if (length >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(address.sun_path, path, length);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  int reason = errno;
  close(fd);
  errno = reason;
  return -1;
}

static bool read_exactly(int fd, uint8_t *at, size_t length) {
  while (length > 0) {
    ssize_t got = read(fd, at, length);
    if (got <= 0) return false;
    at += got;
    length -= (size_t)got;
  }
  return true;
}

/* epoll_wait with a timeout in nanoseconds, straight from the kernel: C libraries got it late. */
static inline int wait_events(int epoll, struct epoll_event *events, int size, uint64_t timeout_ns) {
  struct timespec timeout = {
      .tv_sec = (time_t)(timeout_ns / 1000000000u),
      .tv_nsec = (long)(timeout_ns % 1000000000u),
  };
#ifdef SYS_epoll_pwait2
  static int unavailable;
  if (!unavailable) {
    int ready = (int)syscall(SYS_epoll_pwait2, epoll, events, size, &timeout, NULL, 0);
    if (ready >= 0 || errno != ENOSYS) return ready;
    unavailable = 1;
  }
#endif
  return epoll_wait(epoll, events, size, (int)(timeout_ns / 1000000u));
}

static void stay_on_cpu(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((size_t)cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) == 0) return;
  fprintf(stderr, "loadgen: --cpu %d: %s\n", cpu, strerror(errno));
  exit(2);
}

static double own_cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* User and system time of all threads of another process; 0 when it is gone. */
static double process_cpu_seconds(int pid) {
  char path[64];
  char line[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  size_t length = fread(line, 1, sizeof line - 1, file);
  fclose(file);
  line[length] = 0;
  /* The command name may hold anything; fields are counted from its closing parenthesis. */
  const char *after_name = strrchr(line, ')');
  unsigned long long user = 0;
  unsigned long long system = 0;
  if (after_name == NULL ||
      sscanf(after_name + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2) {
    return 0;
  }
  return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* Time that the machine's processors were not idle, stolen time included. */
static double machine_busy_seconds(void) {
  unsigned long long user = 0, nice = 0, system = 0, interrupts = 0, soft_interrupts = 0, stolen = 0;
  FILE *file = fopen("/proc/stat", "r");
  if (file == NULL) return 0;
  if (fscanf(file, "cpu %llu %llu %llu %*u %*u %llu %llu %llu", &user, &nice, &system, &interrupts, &soft_interrupts,
             &stolen) != 6) {
    user = 0;
  }
  fclose(file);
  return (double)(user + nice + system + interrupts + soft_interrupts + stolen) / (double)sysconf(_SC_CLK_TCK);
}

/* Resident memory of another process; 0 when it is gone. */
static uint64_t resident_kilobytes(int pid) {
  char path[64];
  unsigned long long pages = 0;
  snprintf(path, sizeof path, "/proc/%d/statm", pid);
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  if (fscanf(file, "%*u %llu", &pages) != 1) pages = 0;
  fclose(file);
  return pages * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

#endif
