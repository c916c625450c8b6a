/**
 * What each template's README says about bodies and configuration is built as it stands there, and run. Runs with the
 * fresh builds, since it builds the templates itself (`bun examples/build.ts --check`).
 */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { appendFileSync, cpSync, existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { documentedCommand } from "../../examples/documented-command.ts";
import { findToolchain, LANGUAGES, type Language } from "../../examples/find-toolchain.ts";
import type { BodyEvent, WebSocketFrameEvent } from "../../src/event/event.ts";
import { sampleRequest } from "../support/neutral-events.ts";
import { openGuest } from "../support/open-guest.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** Toolchains are slow, on a machine that may be busy. */
setDefaultTimeout(600_000);

const EXAMPLES = join(import.meta.dir, "../../examples");
const NOT_COPIED = new Set(["target", "node_modules", ".zig-cache", "policy.wasm"]);
const TIMEOUT_MS = 1000;

interface Addition {
  readonly file: string;
  readonly code: string;
}

function documentedAddition(language: Language): Addition {
  const readme = readFileSync(join(EXAMPLES, language, "README.md"), "utf8");
  const found = /^## Bodies and configuration$.*?[Aa]dd it to `([^`]+)`\..*?^```\w+\n(.*?)^```$/ms.exec(
    readme,
  );
  if (found === null) throw new Error(`the README of ${language} has no such section`);
  return { file: found[1]!, code: found[2]! };
}

function body(text: string, kind: BodyEvent["kind"] = "request-body-chunk"): BodyEvent {
  const bytes = new TextEncoder().encode(text);
  return {
    kind,
    correlationId: "a",
    bytes,
    isLast: true,
    chunkIndex: 0,
    totalBytes: bytes.length,
    bytesSoFar: bytes.length,
    context: { isTruncated: false, canReplace: kind === "response-body-chunk", mustKeepLength: false },
  };
}

function frame(text: string): WebSocketFrameEvent {
  return {
    kind: "websocket-frame",
    correlationId: "a",
    opcode: "text",
    bytes: new TextEncoder().encode(text),
    isFromClient: true,
    frameIndex: 0,
    isFinal: true,
    routeId: null,
    clientAddress: "203.0.113.9",
  };
}

const isBuilding = process.env["POLICY_FRESH_DIR"] !== undefined;

describe.each([...LANGUAGES])("the %s template, with what its README adds,", (language) => {
  const toolchain = findToolchain(language);

  test.skipIf(!isBuilding || !toolchain.isPresent)(
    "refuses, replaces and drops what has the configured word, and decides on requests as before",
    async () => {
      if (!toolchain.isPresent) return;
      using scratch = temporaryFolder();
      const folder = scratch.file(language);
      cpSync(join(EXAMPLES, language), folder, {
        recursive: true,
        filter: (source) => !NOT_COPIED.has(basename(source)),
      });
      const { file, code } = documentedAddition(language);
      const path = join(folder, file);
      appendFileSync(path, existsSync(path) ? `\n${code}` : code);
      const built = Bun.spawnSync(["sh", "-c", documentedCommand(language)], {
        cwd: folder,
        env: { ...process.env, ...toolchain.environment },
      });
      expect(built.exitCode, built.stderr.toString()).toBe(0);
      const { instance, call } = await openGuest(join(folder, "policy.wasm"));
      expect(call(body("no secrets here")).decision).toEqual({ kind: "allow" });
      expect(instance.configure('{"word":"secret","other":[1]}', TIMEOUT_MS)).toBeNull();
      expect(call(body("no secrets here"))).toMatchObject({
        decision: { kind: "block", status: 422, body: "This word is not allowed here" },
        audit: { tags: ["forbidden-word"] },
      });
      const { replacement } = call(body("no secrets here", "response-body-chunk"));
      expect(replacement && Buffer.from(replacement).toString()).toBe("withheld");
      expect(call(body("nothing", "response-body-chunk")).replacement).toBeUndefined();
      expect(call(frame("a secret")).frame).toEqual({ kind: "drop" });
      expect(call(frame("nothing")).frame ?? { kind: "allow" }).toEqual({ kind: "allow" });
      for (const harmless of ["", "secre", "sec ret"]) {
        expect(call(body(harmless)).decision).toEqual({ kind: "allow" });
      }
      expect(call(sampleRequest({ uri: "/admin" })).decision).toMatchObject({ kind: "block", status: 401 });
      const refusal = (await openGuest(join(folder, "policy.wasm"))).instance.configure("[]", TIMEOUT_MS);
      expect(refusal).toBeInstanceOf(Error);
    },
  );
});
