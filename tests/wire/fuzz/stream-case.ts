/** One stream for the agent, and the check of everything that came back. */

import { isDeepStrictEqual } from "node:util";
import { acceptAnswer, acceptConfigError, acceptHandshakeResponse } from "../../support/accepted-answer.ts";
import { FrameSplitter, type ReceivedFrame } from "../../support/frames.ts";
import type { IndoorAgent } from "../../support/indoor-agent.ts";
import { Type } from "../../support/proxy-messages.ts";
import type { RecordedLog } from "../../support/recorded-log.ts";
import { type ExpectedAnswer, expectedCourse } from "./stream-oracle.ts";

/** The stream as it is read: one chunk a read. */
export type Chunks = readonly Uint8Array[];

/** Messages of the log that mean the agent itself was surprised. */
const SURPRISES = ["closing a connection after an internal error"];

/** What is wrong with the agent's behaviour; null when all is as it must be. */
export function faultOf(agent: IndoorAgent, log: RecordedLog, chunks: Chunks): string | null {
  const expected = expectedCourse(Buffer.concat(chunks));
  const peer = agent.connect();
  log.lines.length = 0;
  try {
    for (const chunk of chunks) {
      if (peer.isClosed) break;
      peer.send(chunk);
    }
  } catch (error) {
    return `an exception left the connection: ${error instanceof Error ? error.stack : String(error)}`;
  }
  const surprise = log.lines.find(
    (line) => SURPRISES.includes(line.message) || line.fields["code"] === "agent-internal",
  );
  if (surprise !== undefined) {
    const [reason] = String(surprise.fields["reason"] ?? "").split("\n");
    return `${surprise.message}: ${reason}`;
  }
  const splitter = new FrameSplitter(expected.protocol);
  const received = splitter.push(peer.takeReceived());
  if (splitter.restBytes > 0) return "the answers end in half a frame";
  if (peer.isClosed !== expected.isClosed) {
    return `the connection is ${peer.isClosed ? "closed" : "open"} and should not be`;
  }
  // The only messages that nobody asked for, beside the answer of a configuration.
  const frames = received.filter(({ type }) => type !== Type.configUpdateRequest);
  for (const { type, text } of received) {
    if (type !== Type.configUpdateRequest) continue;
    const fault = faultOfReport(text);
    if (fault !== null) return `a report of a configuration's problem: ${fault}`;
  }
  if (frames.length !== expected.answers.length) {
    return `${frames.length} answers came to ${expected.answers.length} messages that want one`;
  }
  for (const [i, frame] of frames.entries()) {
    const fault = faultOfAnswer(frame, expected.answers[i]!, expected.protocol);
    if (fault !== null) return `answer ${i}: ${fault}`;
  }
  return null;
}

function faultOfReport(text: string): string | null {
  try {
    acceptConfigError(text);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

function faultOfAnswer(frame: ReceivedFrame, expected: ExpectedAnswer, protocol: 1 | 2): string | null {
  if (frame.type !== expected.type) return `type ${frame.type} instead of ${expected.type}`;
  if (expected.payload !== null) {
    return isDeepStrictEqual(frame.text, expected.payload.toString())
      ? null
      : "not the payload that was asked with";
  }
  try {
    if (frame.type === Type.handshakeResponse) {
      acceptHandshakeResponse(frame.text);
      return null;
    }
    const answer = acceptAnswer(protocol, frame.text);
    return answer.correlationId === expected.correlationId
      ? null
      : `the id ${JSON.stringify(answer.correlationId)}`;
  } catch (error) {
    return (error as Error).message;
  }
}
