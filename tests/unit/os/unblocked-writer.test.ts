/** Every kind of standard error there is, with nobody who reads it: the process that writes to it goes on. Linux only. */

import { describe, expect, test } from "bun:test";
import { closeSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { socketPair } from "../../support/socket-pair.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const WRITER = new URL("../../../src/os/unblocked-writer.ts", import.meta.url).pathname;
const LIBC = new URL("../../../src/os/libc.ts", import.meta.url).pathname;

/** Writes until nothing is taken any more, then reports to a file how that was said. */
const FILL = `
  import { writeFileSync } from "node:fs";
  import { unblockedWriter } from ${JSON.stringify(WRITER)};
  const write = unblockedWriter(2);
  const line = new TextEncoder().encode("a line of a log\\n");
  let taken = 0;
  let code = "";
  while (code === "") {
    try {
      taken += write(line);
    } catch (error) {
      code = error.code;
    }
  }
  writeFileSync(process.env.REPORT, code + " " + (taken > 1000));
`;

/** Stops the terminal, as Ctrl-S does, before it writes. */
const STOP_TERMINAL = `
  import { dlopen } from "bun:ffi";
  import { readFileSync } from "node:fs";
  import { findLoadedLibc } from ${JSON.stringify(LIBC)};
  const libc = findLoadedLibc(readFileSync("/proc/self/maps", "utf8"));
  const { symbols } = dlopen(libc, { tcflow: { args: ["i32", "i32"], returns: "i32" } });
  symbols.tcflow(2, 0);
`;
const START_TERMINAL = "symbols.tcflow(2, 1);";

function report(run: (env: Record<string, string>) => void): string {
  using folder = temporaryFolder();
  run({ PATH: process.env["PATH"] ?? "", REPORT: folder.file("report") });
  return readFileSync(folder.file("report"), "utf8");
}

function runInBash(script: string, program: string, env: Record<string, string>): void {
  Bun.spawnSync(["bash", "-c", script, process.execPath, program], { env, timeout: 20_000 });
}

const IS_ROOT = process.getuid?.() === 0;
const IS_LINUX = process.platform === "linux";

describe.skipIf(!IS_LINUX)("a standard error that nobody reads", () => {
  test("that is a pipe", () => {
    expect(report((env) => runInBash('"$0" -e "$1" 2> >(sleep 3 > /dev/null 2>&1)', FILL, env))).toBe(
      "EAGAIN true",
    );
  });

  test("that is a pipe with nobody behind it at all", () => {
    // Whoever opens it again is told so (ENXIO), and whoever writes to it (EPIPE).
    expect(report((env) => runInBash('sleep 0.2; "$0" -e "$1" 2> >(exit 0)', FILL, env))).toBe("EPIPE false");
  });

  // Another user's pipe cannot be opened anew.
  test.skipIf(!IS_ROOT)("that is a pipe of another user", () => {
    const script = `chmod 777 "$(dirname "$REPORT")"
setpriv --reuid=65534 --regid=65534 --clear-groups "$0" -e "$1" 2> >(sleep 3 > /dev/null 2>&1)`;
    expect(report((env) => runInBash(script, FILL, { ...env, HOME: "/tmp" }))).toBe("EAGAIN true");
  });

  test("that is a socket", () => {
    const [ours, theirs] = socketPair();
    const said = report((env) => {
      Bun.spawnSync([process.execPath, "-e", FILL], {
        env,
        stdio: ["ignore", "ignore", theirs],
        timeout: 20_000,
      });
    });
    expect(said).toBe("EAGAIN true");
    closeSync(ours);
    closeSync(theirs);
  });

  test.skipIf(Bun.which("script") === null)("that is a terminal which was stopped", () => {
    const program = `${STOP_TERMINAL}${FILL}${START_TERMINAL}`;
    const said = report((env) => {
      const folder = mkdtempSync(join(tmpdir(), "terminal-"));
      Bun.write(join(folder, "fill.ts"), program);
      Bun.spawnSync(["script", "-qec", `${process.execPath} ${join(folder, "fill.ts")}`, "/dev/null"], {
        env,
        stdin: "ignore",
        timeout: 20_000,
      });
      rmSync(folder, { recursive: true });
    });
    expect(said).toStartWith("EAGAIN");
  });

  test("that is a full disk", () => {
    expect(report((env) => runInBash('"$0" -e "$1" 2> /dev/full', FILL, env))).toBe("ENOSPC false");
  });
});
