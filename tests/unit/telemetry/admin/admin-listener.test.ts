/** The admin endpoint over real sockets: one request, one answer, and what a peer may cost. */

import { afterEach, describe, expect, test } from "bun:test";
import { AdminListener, type AdminListenerOptions } from "../../../../src/telemetry/admin/admin-listener.ts";
import type { HttpAnswer } from "../../../../src/telemetry/admin/http-response.ts";
import { textResponse } from "../../../../src/telemetry/admin/http-response.ts";
import { type AdminPlace, askAdmin, sendRaw } from "../../../support/admin-client.ts";
import { RecordedLog } from "../../../support/recorded-log.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const GET = "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n";

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

interface Opened {
  readonly unix: AdminPlace;
  readonly tcp: AdminPlace;
  readonly log: RecordedLog;
  close(): void;
}

function open(handle: AdminListenerOptions["handle"], limits: Partial<AdminListenerOptions> = {}): Opened {
  const folder = temporaryFolder();
  const log = new RecordedLog();
  const unix = { unix: folder.file("admin.sock") };
  const onUnix = new AdminListener(unix, { handle, log, ...limits });
  const onTcp = new AdminListener({ hostname: "127.0.0.1", port: 0 }, { handle, log, ...limits });
  const close = () => {
    onUnix.close();
    onTcp.close();
  };
  cleanUps.push(() => {
    close();
    folder[Symbol.dispose]();
  });
  return { unix, tcp: { hostname: "127.0.0.1", port: onTcp.port ?? 0 }, log, close };
}

const hello = (): HttpAnswer => textResponse(200, "hello");

describe("an answer", () => {
  test("reaches the runtime's own client, over both kinds of socket", async () => {
    const { unix, tcp } = open(hello);
    for (const place of [unix, tcp]) {
      const { status, text, headers } = await askAdmin(place, "/x");
      expect([status, text]).toEqual([200, "hello\n"]);
      expect(headers.get("connection")).toBe("close");
      expect(headers.get("cache-control")).toBe("no-store");
    }
  });

  test("knows where its request came from", async () => {
    const { unix, tcp } = open((_request, isRemote) => textResponse(200, String(isRemote)));
    expect((await askAdmin(unix, "/x")).text).toBe("false\n");
    expect((await askAdmin(tcp, "/x")).text).toBe("true\n");
  });

  test("is the end of its connection, also when more requests were sent with the first", async () => {
    const asked: string[] = [];
    const { unix } = open((request) => {
      asked.push(request.path);
      return hello();
    });
    const text = await sendRaw(unix, GET + GET.replace("/x", "/y"));
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(asked).toEqual(["/x"]);
  });

  test("to HEAD has no body, and its length", async () => {
    const { unix } = open(hello);
    const text = await sendRaw(unix, GET.replace("GET", "HEAD"));
    expect(text).toContain("Content-Length: 6\r\n");
    expect(text).toEndWith("\r\n\r\n");
  });

  test("that is large arrives whole", async () => {
    const body = "x".repeat(3_000_000);
    const { unix, tcp } = open(() => textResponse(200, body));
    for (const place of [unix, tcp]) expect((await askAdmin(place, "/x")).text.length).toBe(body.length + 1);
  });

  test("may come later", async () => {
    const { unix } = open(async () => {
      await Bun.sleep(20);
      return hello();
    });
    expect((await askAdmin(unix, "/x")).text).toBe("hello\n");
  });

  test("to a request in single bytes is the same", async () => {
    const { tcp } = open(hello);
    expect(await sendRaw(tcp, ...GET)).toEndWith("hello\n");
  });

  test("is given to a peer that has closed its half", async () => {
    const { unix } = open(async () => {
      await Bun.sleep(20);
      return hello();
    });
    const received: Buffer[] = [];
    const closed = Promise.withResolvers<void>();
    await Bun.connect({
      ...(unix as { unix: string }),
      allowHalfOpen: true,
      socket: {
        open: (peer) => {
          peer.write(GET);
          peer.shutdown();
        },
        data: (_peer, chunk) => {
          received.push(Buffer.from(chunk));
        },
        end: (peer) => {
          peer.end();
        },
        close: () => closed.resolve(),
      },
    });
    await closed.promise;
    expect(Buffer.concat(received).toString()).toEndWith("hello\n");
  });
});

describe("a request that cannot be taken", () => {
  test("gets the reason", async () => {
    const { unix } = open(hello);
    const text = await sendRaw(unix, "nonsense\r\n\r\n");
    expect(text).toStartWith("HTTP/1.1 400 Bad Request\r\n");
  });

  test("that is too large is not read to its end", async () => {
    const { tcp } = open(hello);
    const text = await sendRaw(tcp, `GET /x HTTP/1.1\r\nHost: h\r\nx: ${"y".repeat(20_000)}`);
    expect(text).toStartWith("HTTP/1.1 431 ");
  });

  test("a fault of ours is in the log, and the peer hears that there was one", async () => {
    const { unix, log } = open(() => {
      throw new TypeError("oops");
    });
    expect((await askAdmin(unix, "/x")).status).toBe(500);
    expect(log.messages("error")).toEqual(["an admin request failed by a fault of the agent"]);
  });
});

describe("a slow peer", () => {
  test("loses its connection when its request does not come", async () => {
    const { tcp } = open(hello, { timeoutMs: 50 });
    expect(await sendRaw(tcp, "GET /x HT")).toStartWith("HTTP/1.1 408 Request Timeout\r\n");
  });

  test("that reads nothing loses its connection, and no memory stays with it", async () => {
    const { tcp } = open(() => textResponse(200, "x".repeat(20_000_000)), { timeoutMs: 100 });
    const closed = Promise.withResolvers<void>();
    const socket = await Bun.connect({
      ...(tcp as { hostname: string; port: number }),
      socket: {
        open: (peer) => {
          peer.write(GET);
          peer.pause();
        },
        data: () => {},
        close: () => closed.resolve(),
        error: () => closed.resolve(),
      },
    });
    await Bun.sleep(400);
    socket.resume();
    // What the kernel holds still comes; then the connection is gone, long before the whole answer.
    await closed.promise;
  });

  test("keeps nobody else out: the one that has waited longest goes", async () => {
    const { tcp } = open(hello, { maxConnections: 4, timeoutMs: 60_000 });
    const slow = Array.from({ length: 6 }, () => sendRaw(tcp, "GET /x"));
    await Bun.sleep(50);
    expect((await askAdmin(tcp, "/x")).text).toBe("hello\n");
    // The first three had to make room.
    expect(await Promise.all(slow.slice(0, 3))).toEqual(["", "", ""]);
  });
});

describe("a stream", () => {
  test("goes on until its peer leaves, and then stops", async () => {
    const stopped = Promise.withResolvers<void>();
    const { unix } = open(() => ({
      status: 200,
      contentType: "application/x-ndjson",
      start: (write) => {
        const timer = setInterval(() => write("line\n"), 5);
        return () => {
          clearInterval(timer);
          stopped.resolve();
        };
      },
    }));
    const response = await fetch("http://localhost/x", unix as { unix: string });
    const reader = response.body!.getReader();
    const { value } = await reader.read();
    expect(new TextDecoder().decode(value)).toStartWith("line\n");
    await reader.cancel();
    await stopped.promise;
  });

  test("drops what its peer does not read, and says so to its maker", async () => {
    const outcomes: boolean[] = [];
    const filled = Promise.withResolvers<void>();
    const { tcp } = open(
      () => ({
        status: 200,
        contentType: "text/plain",
        start: (write) => {
          const timer = setInterval(() => {
            outcomes.push(write("x".repeat(100_000)));
            if (outcomes.at(-1) === false) filled.resolve();
          }, 1);
          return () => clearInterval(timer);
        },
      }),
      { timeoutMs: 60_000 },
    );
    const socket = await Bun.connect({
      ...(tcp as { hostname: string; port: number }),
      socket: {
        open: (peer) => {
          peer.write(GET);
          peer.pause();
        },
        data: () => {},
      },
    });
    await filled.promise;
    expect(outcomes[0]).toBe(true);
    socket.terminate();
  });

  test("ends when the endpoint closes", async () => {
    const stopped = Promise.withResolvers<void>();
    const opened = open(() => ({
      status: 200,
      contentType: "text/plain",
      start: () => () => stopped.resolve(),
    }));
    const text = sendRaw(opened.unix, GET);
    await Bun.sleep(20);
    opened.close();
    await stopped.promise;
    expect(await text).toStartWith("HTTP/1.1 200 OK\r\n");
  });
});
