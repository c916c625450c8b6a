/** When answers are written: at the end of the read they answer, or in a rush at the end of the turn. */

import { expect, test } from "bun:test";
import { V1_MAX_FRAME_BYTES } from "../../../src/framing/frame-limits.ts";
import { type BatchMember, EgressBatch } from "../../../src/socket/egress-batch.ts";

const RUSH = 24;

class Peer implements BatchMember {
  readonly written: string[] = [];
  afterDeliveries = 0;

  deliver(bytes: Buffer): void {
    this.written.push(bytes.toString("latin1").replace(/[^a-z]/g, ""));
  }

  afterDelivery(): void {
    this.afterDeliveries++;
  }
}

function open() {
  const ends: (() => void)[] = [];
  const batch = new EgressBatch((end) => ends.push(end));
  const answer = (peer: Peer, text: string) => batch.appendText(peer, -1, text, V1_MAX_FRAME_BYTES);
  const endTurn = () => {
    for (const end of ends.splice(0)) end();
  };
  return { batch, answer, endTurn };
}

test("the answers to one read leave together, when it ends", () => {
  const { batch, answer, endTurn } = open();
  const peer = new Peer();
  expect(answer(peer, "a")).toBe(true);
  expect(answer(peer, "b")).toBe(true);
  expect(peer.written).toEqual([]);
  batch.endRead();
  expect(peer.written).toEqual(["ab"]);
  expect(peer.afterDeliveries).toBe(0);
  endTurn();
  expect(peer.written).toEqual(["ab"]);
  expect(peer.afterDeliveries).toBe(1);
});

test("after a turn with many connections, those of the next one leave at its end, and then no more", () => {
  const { batch, answer, endTurn } = open();
  const peers = Array.from({ length: RUSH }, () => new Peer());
  for (const peer of peers) {
    answer(peer, "a");
    batch.endRead();
  }
  endTurn();
  const [first, second] = [new Peer(), new Peer()];
  for (const peer of [first, second]) {
    answer(peer, "x");
    batch.endRead();
    expect(peer.written).toEqual([]);
  }
  endTurn();
  expect([first.written, second.written]).toEqual([["x"], ["x"]]);
  answer(first, "y");
  batch.endRead();
  expect(first.written).toEqual(["x", "y"]);
});

test("an answer outside of any read leaves at the end of the turn", () => {
  const { answer, endTurn } = open();
  const peer = new Peer();
  answer(peer, "a");
  endTurn();
  expect(peer.written).toEqual(["a"]);
});

test("a full batch leaves at once", () => {
  const { answer } = open();
  const peer = new Peer();
  expect(answer(peer, "x".repeat(300_000))).toBe(false);
  expect(peer.written[0]).toHaveLength(300_000);
  expect(peer.afterDeliveries).toBe(0);
});
