/** PHP 8.4: classes, regular expressions, sorting. */
import { loadNodeRuntime } from "@php-wasm/node";
import { PHP } from "@php-wasm/universal";

const php = new PHP(await loadNodeRuntime("8.4"));
const response = await php.run({
  code: `<?php
    final readonly class Item { public function __construct(public int $id, public string $name) {} }
    $items = array_map(fn(int $i) => new Item($i, md5((string) $i)), range(1, 5000));
    usort($items, fn(Item $a, Item $b) => $a->name <=> $b->name);
    $found = array_filter($items, fn(Item $item) => preg_match('/^(\\\\w)\\\\d+\\\\1/', $item->name) === 1);
    echo PHP_MAJOR_VERSION, ' ', count($found), ' ', hash('sha256', json_encode($items));`,
});
export const result = response.text;
