/** What the author's commands run a module with; the same settings a serving agent has, by the same options. */
export interface GuestSettings {
  readonly timeoutMs: number;
  readonly startTimeoutMs: number;
  readonly maxMemoryBytes: number;
  readonly limits: boolean;
  readonly headerCase: "preserve" | "canonical";
}
