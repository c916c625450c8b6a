import { join } from "node:path";
import type { GuestName } from "./guest-list.ts";

/** Where the binary of a guest lies. */
export function guestPath(name: GuestName): string {
  return join(import.meta.dir, `${name}.wasm`);
}
