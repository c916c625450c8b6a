/**
 * Makes the binary of a guest from its recipe.
 */

import { join } from "node:path";
import wabt from "wabt";
import { type GuestName, recipeOf } from "./guest-list.ts";
import { guestWat } from "./guest-wat.ts";
import { replyGuest } from "./reply-guest.ts";

const FEATURES = { bulk_memory: true, exceptions: true, reference_types: true, threads: true };

/** Function names are kept, so that trap reports can be tested. */
export async function assembleGuest(name: GuestName): Promise<Uint8Array> {
  const { from } = recipeOf(name);
  if (from.kind === "reply") return replyGuest(from.result);
  const own = await Bun.file(join(import.meta.dir, `${from.file}.wat`)).text();
  return assembleWat(name, guestWat(own, from.values));
}

export async function assembleWat(name: string, text: string): Promise<Uint8Array<ArrayBuffer>> {
  const module = (await wabt()).parseWat(`${name}.wat`, text, FEATURES);
  try {
    return Uint8Array.from(module.toBinary({ write_debug_names: true }).buffer);
  } finally {
    module.destroy();
  }
}
