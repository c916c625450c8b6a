/** WebSocket frames: what the guest sees of them, and what becomes of them on either side. */

import { describe, expect, test } from "bun:test";
import type { WebSocketFrameEvent } from "../../src/event/event.ts";
import { describeEachProxy } from "./describe-each-proxy.ts";
import { Deployment, type DeploymentOptions } from "./deployment.ts";
import { Opcode, RawWebSocket } from "./raw-websocket.ts";
import { scriptedGuest } from "./scripted-guest.ts";
import { sharedDeployment } from "./shared-deployment.ts";

const POLICY = scriptedGuest({
  rules: [
    { on: "frame", when: "drop-me", answer: { decision: "allow", frame: "drop" } },
    // Closed cleanly on the frame of the server alone.
    {
      on: "frame",
      when: "close-me",
      answer: { decision: "allow", frame: { close: { code: 4001, reason: "policy" } } },
    },
    { on: "frame", when: "block-me", answer: { decision: "block", status: 403, body: "no" } },
    { on: "frame", when: "trap", answer: "trap" },
  ],
});

const MAX_ATTEMPTS = 30;

/**
 * A socket of which frames pass. Some that this proxy has upgraded end at once, with any upstream and before an agent is
 * asked about a frame.
 */
async function openSocket(
  deployment: Deployment,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawWebSocket> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const socket = await RawWebSocket.open(deployment.address, "/echo", headers);
    expect(socket.status).toBe(101);
    socket.send(Opcode.ping, "alive");
    if ((await socket.receive())?.opcode === Opcode.pong) return socket;
    socket[Symbol.dispose]();
  }
  throw new Error("the proxy ended every socket at once");
}

const DEFLATE = { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" };

describeEachProxy("WebSocket frames", (proxy) => {
  if (!proxy.traits.honoursWholeAnswers) {
    test.skip("are never delivered by this proxy", () => {});
    return;
  }

  const options = async (agentFlags: readonly string[] = []): Promise<DeploymentOptions> => ({
    module: await POLICY,
    isRecorded: true,
    agentFlags,
    config: { events: ["request_headers", "response_headers", "websocket_frame"], websocket: "inspected" },
  });

  describe("of an upstream that echoes", () => {
    const deployment = sharedDeployment(proxy, options);

    async function framesSeen(): Promise<WebSocketFrameEvent[]> {
      return (await deployment().recorded()).flatMap(({ event }) =>
        event.kind === "websocket-frame" ? [event] : [],
      );
    }

    test("reach the guest from both sides, unmasked, and pass", async () => {
      using socket = await openSocket(deployment());
      socket.send(Opcode.text, "hello");
      expect(await socket.receive()).toMatchObject({ opcode: Opcode.text, payload: Buffer.from("hello") });
      socket.send(Opcode.binary, "\0\x01\x02");
      expect(await socket.receive()).toMatchObject({ opcode: Opcode.binary });
      const seen = (await framesSeen()).slice(-4);
      expect(seen.map(({ opcode, isFromClient, frameIndex }) => [opcode, isFromClient, frameIndex])).toEqual([
        ["text", true, 1],
        ["text", false, 1],
        ["binary", true, 2],
        ["binary", false, 2],
      ]);
      expect(seen.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual([
        "hello",
        "hello",
        "\0\x01\x02",
        "\0\x01\x02",
      ]);
    });

    test("that are dropped vanish, and the connection goes on", async () => {
      using socket = await openSocket(deployment());
      socket.send(Opcode.text, "drop-me");
      socket.send(Opcode.text, "next");
      expect(await socket.receive()).toMatchObject({ payload: Buffer.from("next") });
      expect(deployment().upstream.messages).not.toContain("drop-me");
    });

    test.each(["close-me", "block-me", "trap"])(
      "of a client that are refused (%s) end its connection and never arrive",
      async (text) => {
        using socket = await openSocket(deployment());
        socket.send(Opcode.text, text);
        await socket.rest();
        expect(deployment().upstream.messages).not.toContain(text);
      },
    );

    test("that the proxy would not show pass unseen without --strict-inspection", async () => {
      using socket = await openSocket(deployment(), DEFLATE);
      socket.send(Opcode.text, "drop-me");
      expect(await socket.receive()).toMatchObject({ payload: Buffer.from("drop-me") });
    });
  });

  test("of a server that are refused never arrive: the socket is closed", async () => {
    const guest = await scriptedGuest({
      rules: [
        {
          on: "frame",
          when: '"opcode":"text","client_to_server":false',
          answer: { decision: "allow", frame: { close: { code: 4001, reason: "policy" } } },
        },
      ],
    });
    await using deployment = await Deployment.open(proxy, { ...(await options()), module: guest });
    using socket = await openSocket(deployment);
    socket.send(Opcode.text, "hello");
    const frame = await socket.receive();
    // The proxy ends the connection as well, sometimes before the close frame is out.
    if (frame !== null) {
      expect(frame.opcode).toBe(Opcode.close);
      expect(frame.payload.readUInt16BE(0)).toBe(4001);
      expect(frame.payload.subarray(2).toString()).toBe("policy");
    }
    const close = { close: { code: 4001, reason: "policy" } };
    expect((await deployment.recorded()).at(-1)).toMatchObject({
      event: { kind: "websocket-frame", isFromClient: false },
      outcome: { decision: "allow", frame: close },
    });
  });

  test("that the proxy would not show are refused at the upgrade with --strict-inspection", async () => {
    await using deployment = await Deployment.open(proxy, await options(["--strict-inspection"]));
    using compressed = await RawWebSocket.open(deployment.address, "/echo", DEFLATE);
    expect(compressed.status).toBe(403);
    using plain = await RawWebSocket.open(deployment.address, "/echo");
    expect(plain.status).toBe(101);
  });
});
