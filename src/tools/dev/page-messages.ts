/**
 * What the playground's server and its page say to each other, as JSON. Types alone: the page is bundled for a browser
 * and must draw in nothing of the server.
 */

export type HeaderLine = readonly [name: string, value: string];

export interface RequestForm {
  readonly method: string;
  readonly uri: string;
  readonly clientIp: string;
  readonly headers: readonly HeaderLine[];
}

export interface ResponseForm {
  readonly status: number;
  readonly headers: readonly HeaderLine[];
}

/** Bytes as the page edits them: as text where they are UTF-8, else as hexadecimal digits. */
export interface PayloadForm {
  readonly encoding: "text" | "hex";
  readonly value: string;
}

/** What comes before an event in its exchange; null when that is not known, and then it is left out. */
interface AfterRequest {
  readonly request: RequestForm | null;
}

/** An event as the page edits it, with what comes before it. */
export type EventForm =
  | ({ readonly kind: "request-headers" } & RequestForm)
  | ({ readonly kind: "response-headers" } & ResponseForm & AfterRequest)
  | ({
      readonly kind: "request-body-chunk";
      readonly payload: PayloadForm;
      readonly isStreamed: boolean;
    } & AfterRequest)
  | ({
      readonly kind: "response-body-chunk";
      readonly response: ResponseForm | null;
      readonly payload: PayloadForm;
    } & AfterRequest)
  | ({
      readonly kind: "websocket-frame";
      readonly opcode: string;
      readonly isFromClient: boolean;
      readonly payload: PayloadForm;
    } & AfterRequest)
  | ({
      readonly kind: "guardrail-inspect";
      readonly inspectionType: string;
      readonly content: string;
    } & AfterRequest);

/** As in the neutral event. */
export type ShownEventKind = EventForm["kind"] | "request-complete";

export interface AskRequest {
  /** Null asks about the very event of `basedOn` again. */
  readonly form: EventForm | null;
  /** The event the form began as: what a form cannot show (route, TLS, ...) is taken from it. */
  readonly basedOn: number | null;
  /** For `on_configure`, JSON text; empty configures nothing. */
  readonly config: string;
}

export interface DiffLine {
  readonly mark: "same" | "added" | "removed";
  readonly name: string;
  /** Null when the header to remove is not known yet. */
  readonly value: string | null;
}

export interface LogLine {
  readonly level: "error" | "warn" | "info" | "debug";
  readonly text: string;
}

export interface Outcome {
  /** Another kind than that of the form: an event before it was refused, and a proxy would send no more. */
  readonly kind: ShownEventKind;
  /** False when the event is allowed without the module, which has no handler for it. */
  readonly isCalled: boolean;
  readonly decision: "allow" | "block" | "redirect";
  /** Of a block or redirect. */
  readonly status: number | null;
  readonly body: string | null;
  readonly location: string | null;
  /** Why the failure policy had to decide; null when the module did. */
  readonly failure: { readonly code: string; readonly message: string } | null;
  readonly requestHeaders: readonly DiffLine[];
  readonly responseHeaders: readonly DiffLine[];
  /** What takes the place of the bytes of a body; null leaves them. */
  readonly replacement: PayloadForm | null;
  /** The module waits for the rest of the body. */
  readonly needsMore: boolean;
  /** What becomes of a WebSocket frame that is not passed on; null passes it on. */
  readonly frame: { readonly kind: "drop" } | FrameClose | null;
  /** Findings in the text of a guardrail event as JSON text; null without any. */
  readonly detections: string | null;
  readonly tags: readonly string[];
  readonly ruleIds: readonly string[];
  readonly reasonCodes: readonly string[];
  readonly confidence: number | null;
  /** `custom` and `routing_metadata` as JSON text; null without them. */
  readonly custom: string | null;
  readonly routing: string | null;
  readonly us: number;
  /** About one unit for each instruction; null when it was not measured. */
  readonly fuel: number | null;
  /** Of the instance that answered; null when it is not known. */
  readonly memoryBytes: number | null;
  readonly log: readonly LogLine[];
  /** Of the module that answered. */
  readonly sha256: string;
}

export interface FrameClose {
  readonly kind: "close";
  readonly code: number;
  readonly reason: string;
}

/** One line of the history. */
export interface EventRow {
  readonly id: number;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly kind: ShownEventKind;
  /** Such as `GET /path`, `response 200`, or `request body, 12 bytes`. */
  readonly title: string;
  readonly decision: Outcome["decision"];
  readonly status: number | null;
  readonly failureCode: string | null;
  readonly us: number;
  readonly headerChanges: number;
  /** What else becomes of it, such as `replaced`. */
  readonly effects: readonly string[];
  readonly tags: readonly string[];
  readonly sha256: string;
  /** False when it was too large to keep, or of a kind that no proxy sends: it cannot be opened. */
  readonly isKept: boolean;
}

export interface EventDetail {
  readonly row: EventRow;
  readonly form: EventForm;
  readonly outcome: Outcome;
}

export interface ModuleFacts {
  readonly file: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly handles: readonly ShownEventKind[];
  /** Milliseconds since 1970. */
  readonly loadedAtMs: number;
}

export interface Problem {
  readonly stage: "build" | "load";
  readonly title: string;
  /** The compiler's output or the loader's sentence. */
  readonly text: string;
}

export interface SessionStatus {
  readonly phase: "building" | "loading" | "serving" | "failed";
  readonly project: string;
  readonly socketPath: string;
  readonly failsOpen: boolean;
  readonly buildCommand: string | null;
  readonly buildMs: number | null;
  /** Null until a first module could be loaded. Stays while a newer one has a problem. */
  readonly module: ModuleFacts | null;
  readonly problem: Problem | null;
}

/** One second of traffic on the socket. */
export interface TrafficSecond {
  /** Seconds since 1970. */
  readonly second: number;
  readonly allow: number;
  readonly block: number;
  readonly redirect: number;
  readonly failed: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** Lines of the stream. */
export type StreamMessage =
  | {
      readonly type: "snapshot";
      readonly nowMs: number;
      readonly status: SessionStatus;
      readonly rows: readonly EventRow[];
      readonly traffic: readonly TrafficSecond[];
    }
  | { readonly type: "status"; readonly status: SessionStatus }
  /** Oldest first; `skipped` more came in between. */
  | { readonly type: "rows"; readonly rows: readonly EventRow[]; readonly skipped: number }
  /** Seconds that changed. Comes about once a second, also when none did. */
  | { readonly type: "traffic"; readonly nowMs: number; readonly seconds: readonly TrafficSecond[] };

/** Body of every answer that is not 200. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}
