/**
 * Recordings of real proxies with an agent that answered as it was told: what the proxy sent for one request, and what was
 * answered to each event. Lines without `text` or `answer` say what client and upstream saw; they are the evidence behind
 * docs/agent-protocol.md and are not needed here.
 */

import { join } from "node:path";
import { VECTORS } from "./recorded-frames.ts";

export interface RecordedStep {
  /** Number of the connection it came on. */
  readonly conn: number;
  /** The v2 message type. */
  readonly type: number;
  readonly text: string;
  /** `data` was cut in the recording: its length is not what the event says. */
  readonly isShortened: boolean;
  /** What the recorded agent answered; null when it kept silent on purpose. */
  readonly answer: string | null;
}

export interface RecordedCase {
  readonly file: string;
  readonly name: string;
  readonly steps: readonly RecordedStep[];
}

interface Line {
  readonly case?: string;
  readonly conn?: number;
  readonly type?: number;
  readonly text?: string;
  readonly shortened?: string;
  readonly answer?: string | null;
}

const FILES = [
  "zentinel-0.6.54-v2-request-body.jsonl",
  "zentinel-0.6.54-v2-response-body.jsonl",
  "zentinel-0.6.54-v2-websocket.jsonl",
  "zentinel-0.6.54-v2-guardrail.jsonl",
] as const;

export async function readRecordedCases(): Promise<readonly RecordedCase[]> {
  return (await Promise.all(FILES.map(readCases))).flat();
}

export async function readLines<T>(file: string): Promise<readonly T[]> {
  const text = await Bun.file(join(VECTORS, file)).text();
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T);
}

async function readCases(file: string): Promise<readonly RecordedCase[]> {
  const cases: { file: string; name: string; steps: RecordedStep[] }[] = [];
  for (const line of await readLines<Line>(file)) {
    if (line.case !== undefined) cases.push({ file, name: line.case, steps: [] });
    const steps = cases.at(-1)?.steps;
    if (steps === undefined) throw new Error(`${file} begins without a case`);
    const { conn = 0, type, text, answer } = line;
    if (text !== undefined && type !== undefined) {
      steps.push({ conn, type, text, isShortened: line.shortened !== undefined, answer: null });
    } else if (typeof answer === "string") {
      const at = steps.findLastIndex((step) => step.conn === conn);
      steps[at] = { ...steps[at]!, answer };
    }
  }
  return cases;
}
