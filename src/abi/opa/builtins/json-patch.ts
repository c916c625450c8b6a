/** `json.patch`: JSON Patch (RFC 6902) as OPA extends it to sets and to paths given as lists. */

import { RegoNumber } from "../values/rego-number.ts";
import { isArray, isEqual, RegoObject, RegoSet, type RegoValue } from "../values/rego-value.ts";
import {
  arrayArgument,
  assertWorkable,
  type BuiltinTable,
  type EvaluationContext,
  UndefinedResult,
  UNITS_PER_US,
} from "./builtin.ts";

const MAX_OPERATIONS = 10_000;

export const JSON_PATCH: BuiltinTable = {
  "json.patch": (args, context) => {
    const operations = arrayArgument(args, 1);
    assertWorkable(operations.length, MAX_OPERATIONS, "operations of json.patch");
    let document = args[0] ?? null;
    for (const operation of operations) {
      context.assertInTime();
      document = apply(document, operation, context);
    }
    return document;
  },
};

type Path = readonly RegoValue[];

function apply(document: RegoValue, operation: RegoValue, context: EvaluationContext): RegoValue {
  if (!(operation instanceof RegoObject)) throw new UndefinedResult("an operation is not an object");
  const path = pathOf(required(operation, "path"));
  const edit = new Edit(context);
  switch (operation.get("op")) {
    case "add":
      return edit.insert(document, path, required(operation, "value"));
    case "remove":
      if (path.length === 0) throw new UndefinedResult("the document itself is removed");
      return edit.remove(document, path);
    case "replace": {
      const value = required(operation, "value");
      return path.length === 0 ? value : edit.insert(edit.remove(document, path), path, value);
    }
    case "move": {
      const from = pathOf(required(operation, "from"));
      const moved = find(document, from);
      return from.length === 0
        ? edit.insert(null, path, moved)
        : edit.insert(edit.remove(document, from), path, moved);
    }
    case "copy":
      return edit.insert(document, path, find(document, pathOf(required(operation, "from"))));
    case "test":
      if (!isEqual(find(document, path), required(operation, "value"))) {
        throw new UndefinedResult("the value is not the one that is tested for");
      }
      return document;
    default:
      throw new UndefinedResult("unrecognized op");
  }
}

function required(operation: RegoObject, name: string): RegoValue {
  const value = operation.get(name);
  if (value === undefined) throw new UndefinedResult(`missing required attribute '${name}'`);
  return value;
}

function pathOf(value: RegoValue): Path {
  if (isArray(value)) return value;
  if (typeof value !== "string") throw new UndefinedResult("a path is neither string nor list");
  if (value === "") return [];
  return value
    .replace(/^\/+/, "")
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function find(document: RegoValue, path: Path): RegoValue {
  return path.reduce<RegoValue>((value, key) => child(value, key), document);
}

function child(parent: RegoValue, key: RegoValue): RegoValue {
  const found =
    parent instanceof RegoObject
      ? parent.get(key)
      : parent instanceof RegoSet
        ? parent.has(key)
          ? key
          : undefined
        : isArray(parent)
          ? parent[indexOf(key, parent.length)]
          : undefined;
  if (found === undefined) throw new UndefinedResult("the path does not exist");
  return found;
}

function indexOf(key: RegoValue, length: number): number {
  if (key === "-") return length;
  const isPlain = typeof key === "string" && /^(?:0|-?[1-9][0-9]*)$/.test(key);
  const index = isPlain ? Number(key) : key instanceof RegoNumber ? key.toInteger() : null;
  if (index === null) throw new UndefinedResult("invalid index of an array");
  return index;
}

/** Values are immutable: what an operation changes is copied, from the root to the place. */
class Edit {
  readonly #context: EvaluationContext;

  constructor(context: EvaluationContext) {
    this.#context = context;
  }

  insert(document: RegoValue, path: Path, value: RegoValue): RegoValue {
    return path.length === 0
      ? value
      : this.#at(document, path, (parent, key) => this.#insert(parent, key, value));
  }

  remove(document: RegoValue, path: Path): RegoValue {
    return this.#at(document, path, (parent, key) => this.#remove(parent, key));
  }

  #at(parent: RegoValue, path: Path, change: (parent: RegoValue, key: RegoValue) => RegoValue): RegoValue {
    const [key = null, ...rest] = path;
    if (rest.length === 0) return change(parent, key);
    const changed = this.#at(child(parent, key), rest, change);
    if (isArray(parent)) return this.#copyArray(parent, indexOf(key, parent.length), 1, [changed]);
    if (parent instanceof RegoObject) return this.#insert(parent, key, changed);
    return this.#copySet(parent as RegoSet, key, [changed]);
  }

  #insert(parent: RegoValue, key: RegoValue, value: RegoValue): RegoValue {
    if (parent instanceof RegoObject) {
      this.#charge(parent.size);
      return new RegoObject([...parent.entries(), [key, value]]);
    }
    if (parent instanceof RegoSet) {
      if (!isEqual(key, value)) throw new UndefinedResult("a set's key does not equal the value");
      return this.#copySet(parent, key, [value]);
    }
    if (!isArray(parent)) throw new UndefinedResult("expected composite type");
    const index = indexOf(key, parent.length);
    if (index < 0 || index > parent.length)
      throw new UndefinedResult("index for array insertion out of bounds");
    return this.#copyArray(parent, index, 0, [value]);
  }

  #remove(parent: RegoValue, key: RegoValue): RegoValue {
    child(parent, key);
    if (parent instanceof RegoObject) {
      this.#charge(parent.size);
      return new RegoObject(parent.entries().filter(([other]) => !isEqual(other, key)));
    }
    if (parent instanceof RegoSet) return this.#copySet(parent, key, []);
    const items = parent as readonly RegoValue[];
    return this.#copyArray(items, indexOf(key, items.length), 1, []);
  }

  #copySet(set: RegoSet, without: RegoValue, added: readonly RegoValue[]): RegoSet {
    this.#charge(set.size);
    return new RegoSet([...set.values().filter((item) => !isEqual(item, without)), ...added]);
  }

  #copyArray(
    items: readonly RegoValue[],
    index: number,
    removed: number,
    added: readonly RegoValue[],
  ): readonly RegoValue[] {
    this.#charge(items.length);
    return items.toSpliced(index, removed, ...added);
  }

  #charge(values: number): void {
    this.#context.charge(values * UNITS_PER_US);
    this.#context.assertInTime();
  }
}
