/** The form in which an event is edited. It knows fields; what is asked with them is decided elsewhere. */

import type { EventForm, HeaderLine, PayloadForm, RequestForm, ResponseForm } from "../page-messages.ts";
import { byId, element } from "./make-element.ts";
import { SAMPLES } from "./samples.ts";

/** Something in the form cannot be read; the message says where. */
export class EditError extends Error {
  override readonly name = "EditError";
}

type Kind = EventForm["kind"];

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

const PAYLOAD_NAMES = {
  "request-body-chunk": "Request body",
  "response-body-chunk": "Response body",
  "websocket-frame": "Payload of the frame",
  "guardrail-inspect": "Text to inspect",
} as const satisfies Partial<Record<Kind, string>>;

export class EventEditor {
  readonly #kindField = byId("kind", HTMLSelectElement);
  readonly #requestBox = byId("request-box", HTMLDetailsElement);
  readonly #responseBox = byId("response-box", HTMLDetailsElement);
  readonly #payloadFields = byId("payload-fields", HTMLElement);
  readonly #method = byId("method", HTMLInputElement);
  readonly #uri = byId("uri", HTMLInputElement);
  readonly #client = byId("client", HTMLInputElement);
  readonly #headers = byId("headers", HTMLTextAreaElement);
  readonly #status = byId("status", HTMLInputElement);
  readonly #responseHeaders = byId("response-headers", HTMLTextAreaElement);
  readonly #payload = byId("payload", HTMLTextAreaElement);
  readonly #encoding = byId("encoding", HTMLSelectElement);
  readonly #streamed = byId("streamed", HTMLInputElement);
  readonly #opcode = byId("opcode", HTMLSelectElement);
  readonly #sender = byId("sender", HTMLSelectElement);
  readonly #inspection = byId("inspection", HTMLSelectElement);
  readonly #config = byId("config", HTMLTextAreaElement);
  readonly #sample = byId("sample", HTMLSelectElement);
  readonly #error = byId("form-error", HTMLElement);

  /** @param onSample a sample was chosen and stands in the form */
  constructor(onSample: () => void) {
    byId("methods", HTMLDataListElement).append(
      ...METHODS.map((method) => element("option", { attributes: { value: method } })),
    );
    this.#sample.append(
      element("option", { attributes: { value: "" } }, "Samples"),
      ...SAMPLES.map(({ name }, i) => element("option", { attributes: { value: String(i) } }, name)),
    );
    this.#sample.addEventListener("change", () => {
      const sample = SAMPLES[Number(this.#sample.value)];
      if (this.#sample.value === "" || sample === undefined) return;
      this.show(sample.form);
      onSample();
    });
    this.#kindField.addEventListener("change", () => this.#showFields());
    this.show(SAMPLES[0]!.form);
  }

  get config(): string {
    return this.#config.value;
  }

  /** @throws EditError */
  read(): EventForm {
    const kind = this.#kind;
    switch (kind) {
      case "request-headers":
        return { kind, ...this.#readRequest() };
      case "response-headers":
        return { kind, request: this.#readRequestBefore(), ...this.#readResponse() };
      case "request-body-chunk":
        return {
          kind,
          request: this.#readRequestBefore(),
          payload: this.#readPayload(),
          isStreamed: this.#streamed.checked,
        };
      case "response-body-chunk":
        return {
          kind,
          request: this.#readRequestBefore(),
          response: this.#status.value.trim() === "" ? null : this.#readResponse(),
          payload: this.#readPayload(),
        };
      case "websocket-frame":
        return {
          kind,
          request: this.#readRequestBefore(),
          opcode: this.#opcode.value,
          isFromClient: this.#sender.value === "client",
          payload: this.#readPayload(),
        };
      case "guardrail-inspect":
        return {
          kind,
          request: this.#readRequestBefore(),
          inspectionType: this.#inspection.value,
          content: this.#payload.value,
        };
      default:
        return kind satisfies never;
    }
  }

  show(form: EventForm): void {
    this.#kindField.value = form.kind;
    switch (form.kind) {
      case "request-headers":
        this.#showRequest(form);
        break;
      case "response-headers":
        this.#showRequest(form.request);
        this.#showResponse(form);
        break;
      case "request-body-chunk":
        this.#showRequest(form.request);
        this.#showPayload(form.payload);
        this.#streamed.checked = form.isStreamed;
        break;
      case "response-body-chunk":
        this.#showRequest(form.request);
        this.#showResponse(form.response);
        this.#showPayload(form.payload);
        break;
      case "websocket-frame":
        this.#showRequest(form.request);
        this.#opcode.value = form.opcode;
        this.#sender.value = form.isFromClient ? "client" : "server";
        this.#showPayload(form.payload);
        break;
      case "guardrail-inspect":
        this.#showRequest(form.request);
        this.#inspection.value = form.inspectionType;
        this.#payload.value = form.content;
        break;
      default:
        form satisfies never;
    }
    this.#showFields();
    this.showError(null);
  }

  showError(message: string | null): void {
    this.#error.hidden = message === null;
    this.#error.textContent = message ?? "";
  }

  focus(): void {
    const fields = { "request-headers": this.#uri, "response-headers": this.#status } as const;
    const field = this.#kind in fields ? fields[this.#kind as keyof typeof fields] : this.#payload;
    field.focus();
    field.select();
  }

  /** Called when a hand has changed something. */
  onEdit(listener: () => void): void {
    byId("form", HTMLFormElement).addEventListener("input", () => {
      this.#sample.value = "";
      listener();
    });
    this.#kindField.addEventListener("change", () => {
      this.#sample.value = "";
      listener();
    });
  }

  get #kind(): Kind {
    return this.#kindField.value as Kind;
  }

  #showFields(): void {
    const kind = this.#kind;
    const hasPayload = kind in PAYLOAD_NAMES;
    this.#payloadFields.hidden = !hasPayload;
    if (hasPayload) {
      byId("payload-name", HTMLElement).textContent = PAYLOAD_NAMES[kind as keyof typeof PAYLOAD_NAMES];
    }
    byId("opcode-field", HTMLElement).hidden = kind !== "websocket-frame";
    byId("sender-field", HTMLElement).hidden = kind !== "websocket-frame";
    byId("inspection-field", HTMLElement).hidden = kind !== "guardrail-inspect";
    byId("encoding-field", HTMLElement).hidden = kind === "guardrail-inspect";
    byId("streamed-field", HTMLElement).hidden = kind !== "request-body-chunk";
    this.#responseBox.hidden = kind !== "response-headers" && kind !== "response-body-chunk";
    showAs(this.#responseBox, kind === "response-headers");
    showAs(this.#requestBox, kind === "request-headers");
  }

  #readRequest(): RequestForm {
    return {
      method: this.#method.value.trim(),
      uri: this.#uri.value,
      clientIp: this.#client.value.trim(),
      headers: readHeaders("headers", this.#headers.value),
    };
  }

  /** Null when its fields are empty: then the event is sent alone. */
  #readRequestBefore(): RequestForm | null {
    return this.#method.value.trim() === "" && this.#uri.value === "" ? null : this.#readRequest();
  }

  #readResponse(): ResponseForm {
    return {
      status: readStatus(this.#status.value),
      headers: readHeaders("response headers", this.#responseHeaders.value),
    };
  }

  #readPayload(): PayloadForm {
    return { encoding: this.#encoding.value === "hex" ? "hex" : "text", value: this.#payload.value };
  }

  #showRequest(form: RequestForm | null): void {
    this.#method.value = form?.method ?? "";
    this.#uri.value = form?.uri ?? "";
    this.#client.value = form?.clientIp ?? "";
    this.#headers.value = writeHeaders(form?.headers ?? []);
  }

  #showResponse(form: ResponseForm | null): void {
    this.#status.value = form === null ? "" : String(form.status);
    this.#responseHeaders.value = writeHeaders(form?.headers ?? []);
  }

  #showPayload({ encoding, value }: PayloadForm): void {
    this.#encoding.value = encoding;
    this.#payload.value = value;
  }
}

/** Of the event itself a box is open and has no title; of what comes before it, it can be folded away. */
function showAs(box: HTMLDetailsElement, isSubject: boolean): void {
  if (isSubject === box.classList.contains("subject")) return;
  box.classList.toggle("subject", isSubject);
  box.open = isSubject;
}

function writeHeaders(headers: readonly HeaderLine[]): string {
  return headers.map(([name, value]) => `${name}: ${value}`).join("\n");
}

/** @throws EditError */
function readHeaders(name: string, text: string): HeaderLine[] {
  const headers: HeaderLine[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const colon = line.indexOf(":");
    if (colon < 1) throw new EditError(`Line ${i + 1} of the ${name} has no colon; write name: value.`);
    headers.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()]);
  }
  return headers;
}

/** @throws EditError */
function readStatus(text: string): number {
  if (!/^\d{3}$/.test(text.trim())) throw new EditError("The status must be a number of three digits.");
  return Number(text);
}
