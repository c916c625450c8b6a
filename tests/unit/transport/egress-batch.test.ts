/** When answers are written: at the end of the read they answer, or in a rush at the end of the turn. */

import { expect, test } from "bun:test";
import { V1_MAX_FRAME_BYTES } from "../../../src/transport/frame-limits.ts";
import { type BatchMember, EgressBatch } from "../../../src/transport/uds/egress-batch.ts";

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

function open({ connections = 1 } = {}) {
  const ends: (() => void)[] = [];
  const batch = new EgressBatch({ schedule: (end) => ends.push(end), countConnections: () => connections });
  const answer = (peer: Peer, text: string) => batch.appendText(peer, -1, text, V1_MAX_FRAME_BYTES);
  const endTurn = () => {
    for (const end of ends.splice(0)) end();
  };
  /** One read of this peer, and the answers to what it sent. */
  const read = (peer: Peer, ...texts: string[]) => {
    batch.beginRead(peer);
    for (const text of texts) expect(answer(peer, text)).toBe(true);
    expect(peer.written).toEqual([]);
    batch.endRead();
    return peer.written.splice(0);
  };
  return { answer, read, ends, endTurn };
}

test("the answers to one read leave together, when it ends, and the turn's end is not waited for", () => {
  const { read, ends } = open();
  const peer = new Peer();
  expect(read(peer, "a", "b")).toEqual(["ab"]);
  expect(read(peer, "c")).toEqual(["c"]);
  expect(ends).toEqual([]);
  expect(peer.afterDeliveries).toBe(0);
});

test("those whose reads were answered at once do not hear of a later turn's end", () => {
  const { read, answer, endTurn } = open({ connections: 2 });
  const [reader, other] = [new Peer(), new Peer()];
  read(reader, "a");
  answer(other, "x");
  endTurn();
  expect([reader.afterDeliveries, other.afterDeliveries]).toEqual([0, 1]);
});

test("an answer that comes after the read it belongs to leaves at the end of the turn", () => {
  const { read, answer, endTurn } = open();
  const peer = new Peer();
  read(peer, "a");
  answer(peer, "b");
  endTurn();
  expect(peer.written).toEqual(["b"]);
  expect(peer.afterDeliveries).toBe(1);
});

test("an answer to somebody else leaves with them, and its peer hears of the turn's end", () => {
  const { read, answer, endTurn } = open({ connections: 2 });
  const [reader, other] = [new Peer(), new Peer()];
  answer(other, "x");
  expect(read(reader, "a")).toEqual(["a"]);
  expect(other.written).toEqual(["x"]);
  expect(other.afterDeliveries).toBe(0);
  endTurn();
  expect(other.afterDeliveries).toBe(1);
});

test("after a turn with many connections, those of the next one leave at its end, and then no more", () => {
  const { read, endTurn } = open({ connections: RUSH });
  for (let i = 0; i < RUSH; i++) read(new Peer(), "a");
  endTurn();
  const [first, second] = [new Peer(), new Peer()];
  expect([read(first, "x"), read(second, "y")]).toEqual([[], []]);
  endTurn();
  expect([first.written.splice(0), second.written]).toEqual([["x"], ["y"]]);
  expect([first.afterDeliveries, second.afterDeliveries]).toEqual([1, 1]);
  expect(read(first, "z")).toEqual(["z"]);
});

test("a rush ends also when most connections have gone", () => {
  let connections = RUSH;
  const ends: (() => void)[] = [];
  const batch = new EgressBatch({ schedule: (end) => ends.push(end), countConnections: () => connections });
  const read = (peer: Peer) => {
    batch.beginRead(peer);
    batch.appendText(peer, -1, "a", V1_MAX_FRAME_BYTES);
    batch.endRead();
    return peer.written;
  };
  for (let i = 0; i < RUSH; i++) read(new Peer());
  for (const end of ends.splice(0)) end();
  connections = 1;
  expect(read(new Peer())).toEqual([]);
  for (const end of ends.splice(0)) end();
  expect(read(new Peer())).toEqual(["a"]);
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
