/** What can be set for a developer's session. The agent's own settings stand beside it, as when it serves. */

export interface DevSettings {
  /** A module, or the folder of a project that makes one. */
  readonly path: string;
  /** Replaces the build that the folder suggests; null finds one. */
  readonly buildCommand: string | null;
  /** The file that the build makes; null knows it from the build. */
  readonly builtModule: string | null;
  /** Of the playground, on loopback; null takes the usual one, or any that is free. */
  readonly port: number | null;
}
