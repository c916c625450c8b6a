/** A prefetched belongs to the thread or to the ring, never to both and never to neither. */

import { describe, expect, test } from "bun:test";
import { PrefetchClaim, PrefetchOffer } from "../../../src/ring/prefetch-claim.ts";

function bothEnds(lastTicket?: number): { readonly offer: PrefetchOffer; readonly claim: PrefetchClaim } {
  const offer = new PrefetchOffer(lastTicket);
  return { offer, claim: new PrefetchClaim(offer.shared) };
}

describe("a prefetched", () => {
  test("goes to whoever asks first", () => {
    const { offer, claim } = bothEnds();
    const first = offer.make();
    expect([claim.take(first), offer.withdraw()]).toEqual([true, false]);
    const second = offer.make();
    expect([offer.withdraw(), claim.take(second)]).toEqual([true, false]);
  });

  test("that was taken back stays so, whatever is on offer by then", () => {
    const { offer, claim } = bothEnds();
    for (let i = 0; i < 10; i++) {
      const withdrawn = offer.make();
      offer.withdraw();
      const next = offer.make();
      expect([claim.take(withdrawn), claim.take(next)]).toEqual([false, true]);
    }
  });

  test("that is the thread's to begin next stays so, however often the one after it is taken back", () => {
    const { offer, claim } = bothEnds();
    for (let withdrawals = 0; withdrawals < 5; withdrawals++) {
      const next = offer.make();
      for (let i = 0; i < withdrawals; i++) {
        offer.make();
        expect(offer.withdraw()).toBe(true);
      }
      const afterNext = offer.make();
      expect([claim.take(next), claim.take(afterNext)]).toEqual([true, true]);
    }
  });

  test("does not push out the one before when tickets start anew", () => {
    const { offer, claim } = bothEnds(0x7fff_fffd);
    const last = offer.make();
    const first = offer.make();
    expect([last, first]).toEqual([0x7fff_fffe, 1]);
    expect([claim.take(last), claim.take(first)]).toEqual([true, true]);
  });
});
