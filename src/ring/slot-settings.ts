/** What every slot of a ring is run with. */
export interface SlotSettings {
  /** For one guest call: alloc, handler and dealloc together. */
  readonly timeoutMs: number;
  /** For making an instance and for handing it its configuration. */
  readonly startTimeoutMs: number;
  /** Replace an instance after this many calls; 0 never does. */
  readonly recycleAfterCalls: number;
  /** Replace an instance whose memories have grown to this many bytes; 0 never does. */
  readonly recycleMemoryBytes: number;
  /** Give every request an instance that nobody used before. */
  readonly isFreshPerRequest: boolean;
  /** Lines that the guests of a slot may log in a second; 0 means all. */
  readonly guestLogRate: number;
  /** Unknown functions the log has already named (wasm/guest-host.ts). */
  readonly reportedFunctions: Set<string>;
}
