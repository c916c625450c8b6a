/** The error numbers of WASI preview 1 that guests get to see. They are the same in wasi_unstable. */
export const ERRNO = {
  success: 0,
  /** Bad file descriptor. */
  badf: 8,
  /** Bad address. */
  fault: 21,
  /** Invalid argument. */
  inval: 28,
  /** No such file. */
  noent: 44,
  /** Function not provided. */
  nosys: 52,
  /** Operation not supported. */
  notsup: 58,
} as const;
