/**
 * The load generator is trusted by every figure of the benchmark, so it is itself checked: it must count right against
 * a responder that answers right, and notice one that lies.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { findLoadgen, COMMITTED_LOADGEN, loadgenSourceHash, loadgenVersion } from "./loadgen/build.ts";
import { type LoadProfile, type LoadResult, runLoad } from "./load.ts";
import { accepts, newSocketPath } from "./subject.ts";
import { startTrivialResponder, type TrivialResponderOptions } from "./trivial-responder.ts";

const BRIEF = { warmupSeconds: 0.05, durationSeconds: 0.2, drainSeconds: 0.2 };

let loadgen = "";

async function loadAgainst(profile: LoadProfile, options: TrivialResponderOptions = {}): Promise<LoadResult> {
  const { socketPath, remove } = newSocketPath();
  const responder = startTrivialResponder(socketPath, options);
  try {
    return await runLoad(loadgen, socketPath, profile, { pid: process.pid });
  } finally {
    responder.stop();
    remove();
  }
}

/** Flips a bit in a byte of every hundredth frame's id. */
function lyingAboutIds(): (answers: Buffer) => Buffer {
  let frames = 0;
  return (answers) => {
    const changed = Buffer.from(answers);
    for (let at = 0; at < changed.length; at += 4 + changed.readUInt32BE(at)) {
      if (++frames % 100 === 0) {
        const lastOfId = changed.indexOf('"}}}', at) - 1;
        changed[lastOfId] = changed[lastOfId] === 0x31 ? 0x32 : 0x31;
      }
    }
    return changed;
  };
}

/** Answers every hundredth event twice. */
function answeringTwice(): (answers: Buffer) => Buffer {
  let frames = 0;
  return (answers) => {
    const before = frames;
    const frameBytes = 4 + answers.readUInt32BE(0);
    frames += answers.length / frameBytes;
    return Math.floor(before / 100) === Math.floor(frames / 100)
      ? answers
      : Buffer.concat([answers, answers.subarray(0, frameBytes)]);
  };
}

describe.skipIf(process.platform !== "linux")("the load generator (epoll: Linux only)", () => {
  beforeAll(() => {
    loadgen = findLoadgen();
  });

  const shapes = [
    { protocol: "v1", connections: 1, inFlight: 1 },
    { protocol: "v1", connections: 16, inFlight: 1 },
    { protocol: "v2", connections: 1, inFlight: 64 },
    { protocol: "v2", connections: 4, inFlight: 8 },
  ] as const;

  test.each(shapes)("counts every answer of a correct responder: %o", async (shape) => {
    const result = await loadAgainst({ ...shape, ...BRIEF });
    expect(result).toMatchObject({ errors: 0, wrongIds: 0, unanswered: 0, reconnects: 0, frameBytes: 950 });
    expect(result.normal.notAllowed).toBe(0);
    expect(result.answered).toBeGreaterThan(100);
    const charted = result.normal.shape.reduce((sum, [, events]) => sum + events, 0);
    expect(charted).toBe(result.normal.events);
    const { min, p50, p99, max } = result.normal.latencyUs;
    expect([min, p50, p99, max]).toEqual([min, p50, p99, max].toSorted((a, b) => a - b));
  });

  test("sends at the asked rate, and poison events beside it", async () => {
    const result = await loadAgainst({
      protocol: "v1",
      connections: 8,
      inFlight: 1,
      warmupSeconds: 0,
      durationSeconds: 0.5,
      ratePerSecond: 1000,
      poison: { uri: "/poison", intervalMs: 50 },
    });
    expect(result).toMatchObject({ errors: 0, wrongIds: 0, unanswered: 0 });
    expect(result.normal.events + result.unsent).toBeWithin(499, 502);
    expect(result.poison?.events).toBeWithin(8, 11);
    expect(result.sendLagUs?.max).toBeGreaterThan(0);
  });

  test("stops after the asked number of events", async () => {
    const result = await loadAgainst({ ...shapes[1], ...BRIEF, durationSeconds: 5, events: 500 });
    // What one turn of its loop brings may come on top.
    expect(result.answered).toBeWithin(500, 500 + 257);
    expect(result.unanswered).toBe(0);
  });

  test("v2: reports an answer that carries another event's id, and the event that was never answered", async () => {
    const profile = { protocol: "v2", connections: 2, inFlight: 64, ...BRIEF } as const;
    const result = await loadAgainst(profile, { tamper: lyingAboutIds() });
    expect(result.wrongIds).toBeGreaterThan(0);
    expect(result.unanswered).toBe(result.wrongIds);
  });

  test("v1: reports an answer that no event waits for", async () => {
    const profile = { protocol: "v1", connections: 1, inFlight: 1, ...BRIEF } as const;
    const result = await loadAgainst(profile, { tamper: answeringTwice() });
    expect(result.wrongIds).toBeGreaterThan(0);
  });

  test("reports answers that are no allow", async () => {
    const tamper = (answers: Buffer): Buffer =>
      Buffer.from(answers.toString("latin1").replaceAll('"allow"', '"alloy"'), "latin1");
    const result = await loadAgainst({ ...shapes[0], ...BRIEF }, { tamper });
    expect(result.normal.events).toBeGreaterThan(0);
    expect(result.normal.notAllowed).toBe(result.normal.events);
  });

  test("comes back after a connection breaks, and counts what was lost", async () => {
    let batches = 0;
    const tamper = (answers: Buffer): Buffer => (++batches === 50 ? Buffer.from([0, 0, 0, 0]) : answers);
    const result = await loadAgainst({ ...shapes[0], warmupSeconds: 0, durationSeconds: 0.25 }, { tamper });
    expect(result).toMatchObject({ errors: 1, reconnects: 1, unanswered: 1 });
    expect(result.answered).toBeGreaterThan(49);
  });

  test("answers every event of its own kind as the plain responder, which the open loop is compared with", async () => {
    const { socketPath, remove } = newSocketPath();
    afterAll(remove);
    const responder = Bun.spawn([loadgen, "respond", "--socket", socketPath, "--work-ns", "2000"]);
    afterAll(() => responder.kill());
    while (!(await accepts(socketPath))) await Bun.sleep(5);
    const profile = { protocol: "v1", connections: 16, inFlight: 1, ratePerSecond: 1000, ...BRIEF } as const;
    const result = await runLoad(loadgen, socketPath, profile, { pid: responder.pid });
    expect(result).toMatchObject({ errors: 0, reconnects: 0, wrongIds: 0, unanswered: 0 });
    expect(result.normal).toMatchObject({ notAllowed: 0 });
    expect(result.normal.events).toBeGreaterThan(100);
  });

  test("says what it cannot reach", async () => {
    const { socketPath, remove } = newSocketPath();
    afterAll(remove);
    await expect(runLoad(loadgen, socketPath, { ...shapes[0], ...BRIEF })).rejects.toThrow(
      `loadgen: no v1 connection to ${socketPath}: No such file or directory`,
    );
  });
});

test.skipIf(process.platform !== "linux" || process.arch !== "x64")(
  "the committed binary (linux-x64) was built from the sources beside it",
  () => {
    expect(loadgenVersion(COMMITTED_LOADGEN)).toBe(loadgenSourceHash());
  },
);
