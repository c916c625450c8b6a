/** How hard the packers compress. What a package contains does not depend on it. */

export interface Compression {
  /** Of gzip, for archives: 1 to 12, as libdeflate has them. */
  readonly gzipLevel: 1 | 9;
  /** Of xz, for Debian packages: 0 to 9. */
  readonly xzLevel: 0 | 6;
}

/** For publishing: the smallest download that is still made in a minute. */
export const THOROUGH: Compression = { gzipLevel: 9, xzLevel: 6 };

/** For trying packages out: a fifth larger, and made in seconds. */
export const QUICK: Compression = { gzipLevel: 1, xzLevel: 0 };
