/**
 * When the read began whose frames are being handled: the transport sets it once for each read, and whoever times the events
 * of that read begins there. A clock reading costs as much as all counting of an event, so there is no second one.
 */

export class ReadClock {
  /** Milliseconds on the monotonic clock. */
  readAtMs = 0;
}
