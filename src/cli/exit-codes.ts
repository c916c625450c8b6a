/**
 * What the process answers to whoever started it. Help shows a command's own meanings.
 */

export const ExitCode = {
  ok: 0,
  failure: 1,
  usage: 2,
  /** Of `call`: what the module decided. */
  blocked: 3,
  redirected: 4,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

export type ExitCodeMeaning = readonly [ExitCode, string];

/** Of the command that serves. */
export const EXIT_CODE_MEANINGS: readonly ExitCodeMeaning[] = [
  [ExitCode.ok, "stopped as asked, nothing was lost"],
  [ExitCode.failure, "failed while running"],
  [ExitCode.usage, "wrong usage, or a module or socket path that cannot be used"],
];
