/**
 * The README of this folder, written from the list of guests.
 */

import { GUEST_NAMES, recipeOf } from "./guest-list.ts";

const INTRODUCTION = `# Guests

Small modules, most of them badly behaved, for tests to run the agent on. \`guestPath("trap")\` names a binary;
\`replyGuest(bytes)\` makes a guest that answers with any bytes a test likes.

A \`.wat\` file holds what is special about a guest, with {PLACEHOLDERS} where several guests differ in one spot;
\`guest-wat.ts\` adds the ordinary rest. \`guest-list.ts\` names them all. After a change to any of these:

    bun tests/guests/build.ts

which also writes this file. A test compares the committed binaries with fresh ones.
`;

export function guestReadme(): string {
  const lines = GUEST_NAMES.map((name) => {
    const { does, from } = recipeOf(name);
    const source = from.kind === "reply" ? "`replyGuest`" : `\`${from.file}.wat\``;
    return `- \`${name}\`: ${does} (${source})`;
  });
  return `${INTRODUCTION}\n${lines.join("\n")}\n`;
}
