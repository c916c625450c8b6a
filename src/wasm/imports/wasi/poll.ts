/**
 * Waiting: never. The thread that would sleep serves all requests, so every clock has rung at once; a guest that goes
 * on until its time has really passed meets its deadline.
 */

import type { ImportFunctions } from "../import-functions.ts";
import type { ImportHost } from "../import-host.ts";
import type { MemoryView } from "../import-memory.ts";
import { ERRNO } from "./errno.ts";

/** A clock subscription of wasi_unstable has one field more, an identifier of 8 bytes. */
export const SUBSCRIPTION_BYTES = { wasi_snapshot_preview1: 48, wasi_unstable: 56 } as const;
const EVENT_BYTES = 32;
/** Further ones get no event in this call, which the interface allows. */
const MAX_EVENTS = 1024;
/** Answering one subscription, in units of host work. */
const EVENT_WORK = 32;

const EVENT_CLOCK = 0;
const EVENT_FD_READ = 1;
const EVENT_FD_WRITE = 2;
const FLAG_HANGUP = 1;

export function pollFunctions(host: ImportHost, subscriptionBytes: number): ImportFunctions {
  return {
    poll_oneoff(
      subscriptions: number,
      events: number,
      subscriptionCount: number,
      eventCountPointer: number,
    ): number {
      const count = Math.min(subscriptionCount >>> 0, MAX_EVENTS);
      if (count === 0) return ERRNO.inval;
      const memory = host.memory.current();
      const from = subscriptions >>> 0;
      const to = events >>> 0;
      const countPointer = eventCountPointer >>> 0;
      if (
        !memory.holds(from, count * subscriptionBytes) ||
        !memory.holds(to, count * EVENT_BYTES) ||
        !memory.holds(countPointer, 4)
      ) {
        return ERRNO.fault;
      }
      for (let i = 0; i < count; i++) {
        const error = writeEvent(memory, from + i * subscriptionBytes, to + i * EVENT_BYTES);
        if (error !== ERRNO.success) host.refuse("poll_oneoff", error);
      }
      memory.data.setUint32(countPointer, count, true);
      host.work(count * EVENT_WORK);
      return ERRNO.success;
    },
  };
}

/**
 * A subscription is user data u64, kind u8 and, at 16, its descriptor u32; an event is user data u64, error u16, kind u8
 * and, at 24, flags u16. The call succeeds in any case; the error inside the event is also returned.
 */
function writeEvent({ bytes, data }: MemoryView, subscription: number, event: number): number {
  const userDataLow = data.getUint32(subscription, true);
  const userDataHigh = data.getUint32(subscription + 4, true);
  const kind = data.getUint8(subscription + 8);
  const descriptor = data.getUint32(subscription + 16, true);
  const error = eventError(kind, descriptor);
  bytes.fill(0, event, event + EVENT_BYTES);
  data.setUint32(event, userDataLow, true);
  data.setUint32(event + 4, userDataHigh, true);
  data.setUint16(event + 8, error, true);
  data.setUint8(event + 10, kind);
  if (kind === EVENT_FD_READ) data.setUint16(event + 24, FLAG_HANGUP, true);
  return error;
}

function eventError(kind: number, descriptor: number): number {
  if (kind === EVENT_CLOCK) return ERRNO.success;
  if (kind === EVENT_FD_READ) return descriptor === 0 ? ERRNO.success : ERRNO.badf;
  if (kind === EVENT_FD_WRITE) return descriptor === 1 || descriptor === 2 ? ERRNO.success : ERRNO.badf;
  return ERRNO.inval;
}
