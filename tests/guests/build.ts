/**
 * Rebuilds all guests and the README beside them: `bun tests/guests/build.ts`. Binaries of guests that are no more are
 * removed.
 */

import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { assembleGuest } from "./assemble-guest.ts";
import { GUEST_NAMES } from "./guest-list.ts";
import { guestPath } from "./guest-path.ts";
import { guestReadme } from "./guest-readme.ts";

for (const name of GUEST_NAMES) await Bun.write(guestPath(name), await assembleGuest(name));
await Bun.write(join(import.meta.dir, "README.md"), guestReadme());

const current = new Set(GUEST_NAMES.map((name) => `${name}.wasm`));
for (const file of readdirSync(import.meta.dir)) {
  if (file.endsWith(".wasm") && !current.has(file)) rmSync(join(import.meta.dir, file));
}
console.log(`${GUEST_NAMES.length} guests`);
