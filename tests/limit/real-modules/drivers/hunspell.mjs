/** The Hunspell spelling checker. */
import { loadModule } from "hunspell-asm";

const factory = await loadModule();
const words = Array.from({ length: 3000 }, (_, index) => `w${index.toString(36)}ord/AB`);
const dictionary = factory.mountBuffer(
  new TextEncoder().encode(`${words.length}\n${words.join("\n")}\n`),
  "a.dic",
);
const affixes = factory.mountBuffer(
  new TextEncoder().encode(
    "SET UTF-8\nTRY esianrtolcdugmphbyfvkwz\nSFX A Y 1\nSFX A 0 s .\nPFX B Y 1\nPFX B 0 re .\n",
  ),
  "a.aff",
);
const hunspell = factory.create(affixes, dictionary);
const asked = ["w1ords", "rew2bord", "wword", "wzzord", "rewaords"];
export const result = JSON.stringify(
  asked.map((word) => [word, hunspell.spell(word), hunspell.suggest(word).slice(0, 3)]),
);
