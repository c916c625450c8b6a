/** Between bytes and what the page edits. */

import type { PayloadForm } from "./page-messages.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function payloadForm(bytes: Uint8Array): PayloadForm {
  try {
    return { encoding: "text", value: UTF8.decode(bytes) };
  } catch {
    return { encoding: "hex", value: Buffer.from(bytes).toString("hex") };
  }
}

/** Hexadecimal digits were checked (event-form.ts); white space between them counts for nothing. */
export function payloadBytes({ encoding, value }: PayloadForm): Uint8Array {
  return encoding === "text" ? Buffer.from(value) : Buffer.from(value.replaceAll(/\s/g, ""), "hex");
}
