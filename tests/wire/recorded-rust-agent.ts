/** What the Rust agent answered, as it was recorded. */

import { join } from "node:path";
import { VECTORS } from "./recorded-frames.ts";

/** One v1 frame, and the answer of the Rust agent with its example module; null: it closed the connection. */
export interface WireCase {
  readonly name: string;
  /** Null when the frame is no JSON: then the base64 has its bytes. */
  readonly frame: WireFrame | null;
  readonly frame_base64?: string;
  readonly answer: object | null;
}

export interface WireFrame {
  readonly event_type: string;
  readonly payload?: { readonly metadata?: { readonly client_ip: string }; readonly uri?: string };
}

/** What a guest returned or did, and the answers to both kinds of events. */
export interface GuestCase {
  readonly name: string;
  readonly fail_open: boolean;
  readonly result?: string;
  readonly result_base64?: string;
  /** The way in which a guest misbehaved instead of returning text. */
  readonly guest?: string;
  readonly request_answer: object | null;
  readonly response_answer: object | null;
}

export async function readWireCases(): Promise<readonly WireCase[]> {
  return ((await Bun.file(join(VECTORS, "rust-agent-v1.json")).json()) as { cases: WireCase[] }).cases;
}

export async function readGuestCases(): Promise<readonly GuestCase[]> {
  return ((await Bun.file(join(VECTORS, "rust-agent-abi.json")).json()) as { cases: GuestCase[] }).cases;
}
