/**
 * Queues between the instances of a process, on whatever thread they run (docs/proxy-wasm.md 8). The instance that
 * registered a queue last is notified of its items: never inside of the call that puts one there.
 */

import { keyOf, MAX_THREADS, type SharedStore, SharedWord } from "./shared-memory.ts";

const MAX_QUEUES = 1024;
const MAX_NAME_BYTES = 4096;
const MAX_ITEM_BYTES = 1024 * 1024;
/** Of one queue; a registrant that never takes any out must not fill the memory of all. */
const MAX_ITEMS = 4096;
const NAME = "queue ";
const STATE = "queue-state ";
const ITEM = "queue-item ";
/** Notices for one registrant before those of others. */
const MAX_NOTICES = 64;

export type DequeueOutcome = Buffer | "empty" | "unknown";
export type EnqueueOutcome = "done" | "unknown" | "full";

/** Called when an item was put there, once for each item. */
export type QueueListener = (queue: number) => void;

/** Of one queue, in the table as four words. */
interface QueueState {
  /** Numbers of the next item to take out and the next to put in. */
  readonly head: number;
  readonly tail: number;
  /** Where the last registrant lives, and its number there. */
  readonly thread: number;
  readonly registration: number;
}

interface Registration {
  readonly queue: number;
  readonly listener: QueueListener;
  /** Items that the listener was told of. */
  notified: number;
}

export class SharedQueues {
  readonly #store: SharedStore;
  /** This thread's word, by which others wake it. */
  readonly #thread: number;
  readonly #registrations = new Map<number, Registration>();
  #nextRegistration = 1;
  #isWaiting = false;

  constructor(store: SharedStore) {
    this.#store = store;
    this.#thread = Atomics.add(store.words, SharedWord.threads, 1) % MAX_THREADS;
  }

  /**
   * The queue of that name, made if there is none; null when there are too many. Its listener is called from now on, in
   * place of any other.
   */
  register(
    scope: string,
    name: Uint8Array,
    listener: QueueListener,
  ): { readonly queue: number; readonly registration: number } | null {
    if (name.length > MAX_NAME_BYTES) return null;
    const registration = this.#nextRegistration++;
    const opened = this.#store.locked(() => {
      const queue = this.#findQueue(scope, name) ?? this.#makeQueue(scope, name);
      if (queue === null) return null;
      const before = this.#readState(queue) ?? { head: 0, tail: 0 };
      const state = { head: before.head, tail: before.tail, thread: this.#thread, registration };
      return this.#writeState(queue, state) ? { queue, tail: before.tail } : null;
    });
    if (opened === null) return null;
    this.#registrations.set(registration, { queue: opened.queue, listener, notified: opened.tail });
    // Not at once: a guest is being called.
    queueMicrotask(() => this.#waitForNotices());
    return { queue: opened.queue, registration };
  }

  /** The listener is not called any more. The queue and its items stay. */
  unregister(registration: number): void {
    this.#registrations.delete(registration);
  }

  /** Null for a name that nobody registered. */
  resolve(scope: string, name: Uint8Array): number | null {
    return this.#store.locked(() => this.#findQueue(scope, name));
  }

  enqueue(queue: number, item: Uint8Array): EnqueueOutcome {
    if (item.length > MAX_ITEM_BYTES) return "full";
    const outcome = this.#store.locked(() => {
      const state = this.#readState(queue);
      if (state === null) return "unknown";
      if (((state.tail - state.head) | 0) >= MAX_ITEMS) return "full";
      const isKept =
        this.#store.table.set(itemKey(queue, state.tail), item, 0) &&
        this.#writeState(queue, { ...state, tail: (state.tail + 1) | 0 });
      return isKept ? state.thread : "full";
    });
    if (typeof outcome !== "number") return outcome;
    this.#wake(outcome);
    return "done";
  }

  dequeue(queue: number): DequeueOutcome {
    return this.#store.locked(() => {
      const state = this.#readState(queue);
      if (state === null) return "unknown";
      if (state.head === state.tail) return "empty";
      const key = itemKey(queue, state.head);
      const item = this.#store.table.get(key);
      this.#store.table.delete(key);
      this.#writeState(queue, { ...state, head: (state.head + 1) | 0 });
      return item?.bytes ?? "empty";
    });
  }

  #findQueue(scope: string, name: Uint8Array): number | null {
    return this.#store.table.tagOf(keyOf(NAME, scope, name)) || null;
  }

  /** Numbers begin with 1. */
  #makeQueue(scope: string, name: Uint8Array): number | null {
    const { words, table } = this.#store;
    const queue = words[SharedWord.queues]! + 1;
    if (queue > MAX_QUEUES) return null;
    if (!table.set(keyOf(NAME, scope, name), Buffer.alloc(0), queue)) return null;
    words[SharedWord.queues] = queue;
    return queue;
  }

  #readState(queue: number): QueueState | null {
    const bytes = this.#store.table.get(stateKey(queue))?.bytes;
    if (bytes === undefined) return null;
    return {
      head: bytes.readInt32LE(0),
      tail: bytes.readInt32LE(4),
      thread: bytes.readInt32LE(8),
      registration: bytes.readInt32LE(12),
    };
  }

  #writeState(queue: number, { head, tail, thread, registration }: QueueState): boolean {
    const bytes = Buffer.alloc(16);
    bytes.writeInt32LE(head, 0);
    bytes.writeInt32LE(tail, 4);
    bytes.writeInt32LE(thread, 8);
    bytes.writeInt32LE(registration, 12);
    return this.#store.table.set(stateKey(queue), bytes, 0);
  }

  #wake(thread: number): void {
    const at = SharedWord.notices + thread;
    Atomics.add(this.#store.words, at, 1);
    Atomics.notify(this.#store.words, at);
  }

  /** For as long as there are registrations on this thread. */
  #waitForNotices(): void {
    if (this.#isWaiting || this.#registrations.size === 0) return;
    const at = SharedWord.notices + this.#thread;
    const seen = Atomics.load(this.#store.words, at);
    // Items that came since the registration and before this wait.
    if (this.#notifyAll()) {
      setTimeout(() => this.#waitForNotices(), 0);
      return;
    }
    const wait = Atomics.waitAsync(this.#store.words, at, seen);
    this.#isWaiting = true;
    const goOn = (): void => {
      this.#isWaiting = false;
      this.#waitForNotices();
    };
    if (wait.async) void wait.value.then(goOn);
    else setTimeout(goOn, 0);
  }

  /** True when there may be more. */
  #notifyAll(): boolean {
    let hasMore = false;
    for (const [number, registration] of [...this.#registrations]) {
      const state = this.#store.locked(() => this.#readState(registration.queue));
      // Somebody else registered the queue after it.
      if (state === null || state.thread !== this.#thread || state.registration !== number) continue;
      for (let done = 0; registration.notified !== state.tail && done < MAX_NOTICES; done++) {
        registration.notified = (registration.notified + 1) | 0;
        registration.listener(registration.queue);
        if (!this.#registrations.has(number)) break;
      }
      if (registration.notified !== state.tail && this.#registrations.has(number)) hasMore = true;
    }
    return hasMore;
  }
}

function stateKey(queue: number): Buffer {
  return keyOf(STATE, String(queue), Buffer.alloc(0));
}

function itemKey(queue: number, number: number): Buffer {
  return keyOf(ITEM, `${queue}.${number}`, Buffer.alloc(0));
}
