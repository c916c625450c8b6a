/**
 * What pages hear of a session as it happens: lines of JSON over one long answer. Events are gathered for a moment, so
 * that a busy socket costs a page a few messages a second and no more.
 */

import type { DevSession, SessionListener } from "./dev-session.ts";
import type { EventRow, SessionStatus, StreamMessage } from "./page-messages.ts";

type PageStream = ReadableStreamDefaultController<Uint8Array>;

const GATHER_MS = 120;
const TRAFFIC_MS = 1000;
const MAX_ROWS_AT_ONCE = 60;
/** A page that reads nothing for so many messages has gone away. */
const MAX_WAITING = 200;

export class PlaygroundStream {
  readonly #session: DevSession;
  readonly #pages = new Set<PageStream>();
  readonly #encoder = new TextEncoder();
  readonly #trafficTimer: ReturnType<typeof setInterval>;
  #rows: EventRow[] = [];
  #skipped = 0;
  #gatherTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(session: DevSession) {
    this.#session = session;
    this.#trafficTimer = setInterval(() => this.#sendTraffic(), TRAFFIC_MS);
  }

  /** For the session to tell. */
  readonly listener: SessionListener = {
    onStatus: (status) => this.#sendStatus(status),
    onEvent: ({ row }) => this.#gather(row),
    onNotice: () => {},
  };

  /** A new page: first all there is, then what comes. */
  open(): ReadableStream<Uint8Array> {
    let own: PageStream | null = null;
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          own = controller;
          this.#flush();
          this.#write(controller, this.#snapshot());
          this.#pages.add(controller);
        },
        cancel: () => {
          if (own !== null) this.#pages.delete(own);
        },
      },
      new CountQueuingStrategy({ highWaterMark: 8 }),
    );
  }

  close(): void {
    clearInterval(this.#trafficTimer);
    if (this.#gatherTimer !== null) clearTimeout(this.#gatherTimer);
    for (const page of this.#pages) page.close();
    this.#pages.clear();
  }

  #snapshot(): StreamMessage {
    const { status, history, traffic } = this.#session;
    return { type: "snapshot", nowMs: Date.now(), status, rows: history.rows, traffic: traffic.since(0) };
  }

  #sendStatus(status: SessionStatus): void {
    this.#flush();
    this.#send({ type: "status", status });
  }

  #gather(row: EventRow): void {
    if (this.#pages.size === 0) return;
    this.#rows.push(row);
    if (this.#rows.length > MAX_ROWS_AT_ONCE) {
      this.#rows.shift();
      this.#skipped++;
    }
    this.#gatherTimer ??= setTimeout(() => this.#flush(), GATHER_MS);
  }

  #flush(): void {
    if (this.#gatherTimer !== null) clearTimeout(this.#gatherTimer);
    this.#gatherTimer = null;
    if (this.#rows.length === 0) return;
    this.#send({ type: "rows", rows: this.#rows, skipped: this.#skipped });
    this.#rows = [];
    this.#skipped = 0;
  }

  #sendTraffic(): void {
    if (this.#pages.size === 0) return;
    const nowMs = Date.now();
    // The current second and the one before, which may have grown since it was sent.
    const seconds = this.#session.traffic.since(Math.floor(nowMs / 1000) - 1);
    this.#send({ type: "traffic", nowMs, seconds });
  }

  #send(message: StreamMessage): void {
    for (const page of this.#pages) this.#write(page, message);
  }

  #write(page: PageStream, message: StreamMessage): void {
    if ((page.desiredSize ?? 0) < -MAX_WAITING) {
      this.#pages.delete(page);
      page.close();
      return;
    }
    page.enqueue(this.#encoder.encode(`${JSON.stringify(message)}\n`));
  }
}
