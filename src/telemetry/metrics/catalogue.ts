/**
 * Every metric of the agent, in the order in which they are written. docs/metrics.md is compared with this list.
 */

import { counter, gauge, histogram, type Metric, processMetric } from "./metric.ts";

export const METRICS = {
  buildInfo: gauge("build_info", ["version", "bun"], "Version of the agent and of its runtime. Always 1."),
  moduleInfo: gauge(
    "module_info",
    ["module", "sha256", "source", "abi"],
    "The module that serves. Always 1; the labels change with a reload.",
  ),

  events: counter(
    "events",
    ["event", "decision", "decided_by"],
    "Events that were answered. A dropped or closed WebSocket frame counts as a block.",
  ),
  eventsCancelled: counter(
    "events_cancelled",
    [],
    "Events whose answer was not wanted any more: cancelled, disconnected, or another event took their id.",
  ),
  eventsInFlight: gauge("events_in_flight", [], "Events that were read and are not answered yet."),
  eventDuration: histogram(
    "event_duration_seconds",
    ["event"],
    "Time from the read of an event to its verdict.",
  ),
  queueDuration: histogram(
    "queue_duration_seconds",
    ["module"],
    "Time that events waited for a worker thread. Events that are answered on the event loop do not wait and are not counted.",
  ),
  failures: counter(
    "failures",
    ["module", "code"],
    "Events that the failure policy decided, by the code of docs/errors.md.",
  ),
  failOpen: gauge(
    "fail_open",
    [],
    "1 if the failure policy allows what the module fails to decide on, else 0.",
  ),

  guestDuration: histogram(
    "guest_duration_seconds",
    ["module", "event"],
    "Time of one call of the guest, with the copies of event and result. Sampled when calls are frequent.",
  ),
  guestFuel: histogram(
    "guest_fuel_units",
    ["module"],
    "Fuel of one call of the guest, about one unit for each instruction. Sampled when calls are frequent.",
  ),
  instances: gauge(
    "instances",
    ["module", "state"],
    "Slots for instances: idle, busy, or empty while their instance is replaced.",
  ),
  instanceReplacements: counter(
    "instance_replacements",
    ["module", "reason"],
    "Instances that were dropped for a new one.",
  ),
  guestMemory: gauge("guest_memory_bytes", ["module"], "Linear memory of the largest instance."),
  guestMemoryLimit: gauge(
    "guest_memory_limit_bytes",
    ["module"],
    "Memory that one instance may have, or +Inf without limits.",
  ),
  guestMetricsDropped: gauge(
    "guest_metrics_dropped",
    ["module"],
    "Metrics that the module defines and that are not shown: too many, or named like another one.",
  ),
  threads: gauge("threads", [], "Worker threads that are ready."),
  inlineOverruns: counter(
    "inline_overruns",
    ["module"],
    "Calls that held the event loop for too long: stopped and repeated on a thread, or moving later ones there.",
  ),

  reloads: counter("reloads", ["module", "result"], "Reloads of the module."),
  lastReloadSuccessful: gauge(
    "last_reload_successful",
    ["module"],
    "1 if the last load of the module succeeded, else 0: then the one before serves on.",
  ),
  lastReloadSuccess: gauge(
    "last_reload_success_timestamp_seconds",
    ["module"],
    "When the module that serves was loaded.",
  ),
  configPushes: counter("config_pushes", ["result"], "Configurations that a proxy pushed."),

  connections: gauge("connections", ["protocol"], "Open connections."),
  connectionsOpened: counter(
    "connections_opened",
    ["protocol"],
    "Connections that have sent their first frame, or closed without one.",
  ),
  connectionsRefused: counter(
    "connections_refused",
    [],
    "Connections that were closed at once, since nearly all file descriptors were in use.",
  ),
  framesRefused: counter(
    "frames_refused",
    ["code"],
    "Frames that ended their connection, by the code of docs/errors.md.",
  ),

  bufferedBytes: gauge("buffered_bytes", [], "Unfinished frames and unread answers of all connections."),
  bufferPauses: counter(
    "buffer_pauses",
    [],
    "How often a connection was not read from for a while, because all of them held too much.",
  ),

  exchanges: gauge("exchanges", [], "Exchanges whose state is kept."),
  exchangesOpened: counter("exchanges_opened", [], "Exchanges whose state was kept."),
  exchangesEnded: counter("exchanges_ended", ["reason"], "Exchanges whose state ended."),

  loopDelay: histogram(
    "loop_delay_seconds",
    [],
    "How late a timer of 50 ms was called: how long other work held the event loop.",
  ),
  takeovers: counter(
    "takeovers",
    [],
    "How often a new process went on with the connections of the one before, since the first one.",
  ),
  ready: gauge("ready", [], "1 if events can be answered, as /readyz says, else 0."),
  decisionLogLines: counter("decision_log_lines", [], "Lines of the decision log (`--decision-log`)."),
  decisionLogLinesDropped: counter(
    "decision_log_lines_dropped",
    [],
    "Decisions that the decision log left out: they came too fast, or its reader was too slow.",
  ),
  logLines: counter("log_lines", ["level"], "Lines of the log."),
  logLinesDropped: counter(
    "log_lines_dropped",
    [],
    "Lines of the log that were lost because stderr was read too slowly.",
  ),

  processCpu: processMetric(
    "process_cpu_seconds_total",
    "counter",
    "Processor time, user and system, of all threads.",
  ),
  processResidentMemory: processMetric("process_resident_memory_bytes", "gauge", "Resident memory."),
  processStartTime: processMetric("process_start_time_seconds", "gauge", "When the process was started."),
  processOpenFds: processMetric("process_open_fds", "gauge", "Open file descriptors."),
  processMaxFds: processMetric("process_max_fds", "gauge", "File descriptors that may be open."),
} as const satisfies Readonly<Record<string, Metric>>;
