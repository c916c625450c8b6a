/** How many slots of a ring are in which state, at one moment. */

export interface InstanceStates {
  readonly idle: number;
  readonly busy: number;
  /** Their instance is being replaced, or their thread has not started yet. */
  readonly empty: number;
}

export const NO_INSTANCES: InstanceStates = Object.freeze({ idle: 0, busy: 0, empty: 0 });

export function addStates(a: InstanceStates, b: InstanceStates): InstanceStates {
  return { idle: a.idle + b.idle, busy: a.busy + b.busy, empty: a.empty + b.empty };
}
