/** The systems an executable can be built for, and what Bun, Debian and Homebrew call them. */

export interface Target {
  /** As in file names and on the build's command line. */
  readonly name: string;
  readonly os: "linux" | "darwin";
  readonly cpu: "x64" | "arm64";
  readonly libc: "glibc" | "musl" | null;
  /** Package of Bun's runtime for it. */
  readonly runtimePackage: string;
  readonly bunTarget: Bun.Build.CompileTarget;
  /** Where a Debian package is made from it. */
  readonly debianArchitecture: "amd64" | "arm64" | null;
}

export const TARGETS: readonly Target[] = [
  {
    name: "linux-x64",
    os: "linux",
    cpu: "x64",
    libc: "glibc",
    runtimePackage: "@oven/bun-linux-x64",
    bunTarget: "bun-linux-x64",
    debianArchitecture: "amd64",
  },
  {
    name: "linux-arm64",
    os: "linux",
    cpu: "arm64",
    libc: "glibc",
    runtimePackage: "@oven/bun-linux-aarch64",
    bunTarget: "bun-linux-arm64",
    debianArchitecture: "arm64",
  },
  {
    name: "linux-x64-musl",
    os: "linux",
    cpu: "x64",
    libc: "musl",
    runtimePackage: "@oven/bun-linux-x64-musl",
    bunTarget: "bun-linux-x64-musl",
    debianArchitecture: null,
  },
  {
    name: "linux-arm64-musl",
    os: "linux",
    cpu: "arm64",
    libc: "musl",
    runtimePackage: "@oven/bun-linux-aarch64-musl",
    bunTarget: "bun-linux-arm64-musl",
    debianArchitecture: null,
  },
  {
    name: "darwin-x64",
    os: "darwin",
    cpu: "x64",
    libc: null,
    runtimePackage: "@oven/bun-darwin-x64",
    bunTarget: "bun-darwin-x64",
    debianArchitecture: null,
  },
  {
    name: "darwin-arm64",
    os: "darwin",
    cpu: "arm64",
    libc: null,
    runtimePackage: "@oven/bun-darwin-aarch64",
    bunTarget: "bun-darwin-arm64",
    debianArchitecture: null,
  },
];

/** The target this machine runs itself, or null for one that is not in the list. */
export function hostTarget(): Target | null {
  const libc = process.platform === "linux" ? hostLibc() : null;
  return (
    TARGETS.find(
      (target) => target.os === process.platform && target.cpu === process.arch && target.libc === libc,
    ) ?? null
  );
}

/** Only a report on glibc names its version. */
function hostLibc(): "glibc" | "musl" {
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  return report?.header?.glibcVersionRuntime === undefined ? "musl" : "glibc";
}
