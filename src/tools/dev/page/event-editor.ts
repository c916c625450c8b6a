/** The form in which an event is edited. It knows text fields; what is asked with them is decided elsewhere. */

import type { EventForm, HeaderLine } from "../page-messages.ts";
import { byId, element } from "./make-element.ts";
import { SAMPLES } from "./samples.ts";

/** Something in the form cannot be read; the message says where. */
export class EditError extends Error {
  override readonly name = "EditError";
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

export class EventEditor {
  readonly #kinds = document.querySelectorAll<HTMLInputElement>('input[name="kind"]');
  readonly #requestFields = byId("request-fields", HTMLElement);
  readonly #responseFields = byId("response-fields", HTMLElement);
  readonly #method = byId("method", HTMLInputElement);
  readonly #uri = byId("uri", HTMLInputElement);
  readonly #client = byId("client", HTMLInputElement);
  readonly #status = byId("status", HTMLInputElement);
  readonly #headers = byId("headers", HTMLTextAreaElement);
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
    for (const kind of this.#kinds) kind.addEventListener("change", () => this.#showFields());
    this.show(SAMPLES[0]!.form);
  }

  get config(): string {
    return this.#config.value;
  }

  /** @throws EditError */
  read(): EventForm {
    const headers = readHeaders(this.#headers.value);
    if (this.#kind === "response-headers") {
      return { kind: "response-headers", status: readStatus(this.#status.value), headers };
    }
    return {
      kind: "request-headers",
      method: this.#method.value.trim(),
      uri: this.#uri.value,
      clientIp: this.#client.value.trim(),
      headers,
    };
  }

  show(form: EventForm): void {
    for (const kind of this.#kinds) kind.checked = kind.value === form.kind;
    this.#headers.value = form.headers.map(([name, value]) => `${name}: ${value}`).join("\n");
    if (form.kind === "request-headers") {
      this.#method.value = form.method;
      this.#uri.value = form.uri;
      this.#client.value = form.clientIp;
    } else {
      this.#status.value = String(form.status);
    }
    this.#showFields();
    this.showError(null);
  }

  showError(message: string | null): void {
    this.#error.hidden = message === null;
    this.#error.textContent = message ?? "";
  }

  focus(): void {
    const field = this.#kind === "request-headers" ? this.#uri : this.#status;
    field.focus();
    field.select();
  }

  /** Called when a hand has changed something. */
  onEdit(listener: () => void): void {
    byId("form", HTMLFormElement).addEventListener("input", () => {
      this.#sample.value = "";
      listener();
    });
  }

  get #kind(): EventForm["kind"] {
    const checked = [...this.#kinds].find((kind) => kind.checked);
    return checked?.value === "response-headers" ? "response-headers" : "request-headers";
  }

  #showFields(): void {
    const isRequest = this.#kind === "request-headers";
    this.#requestFields.hidden = !isRequest;
    this.#responseFields.hidden = isRequest;
    if (!isRequest && this.#status.value === "") this.#status.value = "200";
  }
}

/** @throws EditError */
function readHeaders(text: string): HeaderLine[] {
  const headers: HeaderLine[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const colon = line.indexOf(":");
    if (colon < 1) throw new EditError(`Line ${i + 1} of the headers has no colon; write name: value.`);
    headers.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()]);
  }
  return headers;
}

/** @throws EditError */
function readStatus(text: string): number {
  if (!/^\d{3}$/.test(text.trim())) throw new EditError("The status must be a number of three digits.");
  return Number(text);
}
