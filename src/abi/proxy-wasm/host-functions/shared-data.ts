/** Shared data and queues (docs/proxy-wasm.md 8). Host work is charged, since each call may copy up to a megabyte. */

import type { ImportFunctions } from "../../../wasm/imports/import-functions.ts";
import { Status } from "../abi-numbers.ts";
import type { PluginState } from "../plugin-state.ts";

/** One call, in units of host work; each 2 bytes add one. */
const CALL_WORK = 1000;

export function sharedDataFunctions(state: PluginState): ImportFunctions {
  const { sharedData, sharedQueues } = state.grants;
  const charge = (bytes: number): void => state.imports.work(CALL_WORK + (bytes >>> 1));

  return {
    proxy_get_shared_data(
      keyPointer: number,
      keySize: number,
      pointerAt: number,
      sizeAt: number,
      casAt: number,
    ): number {
      state.assertCallback("proxy_get_shared_data");
      const at = keyPointer >>> 0;
      const bytes = keySize >>> 0;
      const cas = casAt >>> 0;
      const memory = state.memory;
      if (!memory.holds(at, bytes) || !memory.holds(cas, 4)) return Status.invalidMemoryAccess;
      charge(bytes);
      const value = sharedData.get(state.configuration.vmId, memory.bytes.subarray(at, at + bytes));
      if (value === null) return Status.notFound;
      const status = state.give(value.bytes, pointerAt >>> 0, sizeAt >>> 0);
      if (status === Status.ok) state.memory.data.setUint32(cas, value.cas, true);
      return status;
    },

    proxy_set_shared_data(
      keyPointer: number,
      keySize: number,
      valuePointer: number,
      valueSize: number,
      cas: number,
    ): number {
      state.assertCallback("proxy_set_shared_data");
      const keyAt = keyPointer >>> 0;
      const keyBytes = keySize >>> 0;
      const valueAt = valuePointer >>> 0;
      const valueBytes = valueSize >>> 0;
      const memory = state.memory;
      if (!memory.holds(keyAt, keyBytes) || !memory.holds(valueAt, valueBytes)) {
        return Status.invalidMemoryAccess;
      }
      charge(keyBytes + valueBytes);
      const outcome = sharedData.set(
        state.configuration.vmId,
        memory.bytes.subarray(keyAt, keyAt + keyBytes),
        memory.bytes.subarray(valueAt, valueAt + valueBytes),
        cas >>> 0,
      );
      if (outcome === "full") state.reportFull("shared data");
      return outcome === "done"
        ? Status.ok
        : outcome === "mismatch"
          ? Status.casMismatch
          : Status.internalFailure;
    },

    proxy_register_shared_queue(namePointer: number, nameSize: number, queueAt: number): number {
      state.assertCallback("proxy_register_shared_queue");
      const at = namePointer >>> 0;
      const bytes = nameSize >>> 0;
      const result = queueAt >>> 0;
      const memory = state.memory;
      if (!memory.holds(at, bytes) || !memory.holds(result, 4)) return Status.invalidMemoryAccess;
      charge(bytes);
      const queue = state.actions.registerQueue(memory.bytes.subarray(at, at + bytes));
      if (queue === null) return Status.internalFailure;
      memory.data.setUint32(result, queue, true);
      return Status.ok;
    },

    proxy_resolve_shared_queue(
      vmPointer: number,
      vmSize: number,
      namePointer: number,
      nameSize: number,
      queueAt: number,
    ): number {
      state.assertCallback("proxy_resolve_shared_queue");
      const vmAt = vmPointer >>> 0;
      const vmBytes = vmSize >>> 0;
      const nameAt = namePointer >>> 0;
      const nameBytes = nameSize >>> 0;
      const result = queueAt >>> 0;
      const memory = state.memory;
      if (!memory.holds(vmAt, vmBytes) || !memory.holds(nameAt, nameBytes) || !memory.holds(result, 4)) {
        return Status.invalidMemoryAccess;
      }
      charge(vmBytes + nameBytes);
      const scope = vmBytes === 0 ? state.configuration.vmId : memory.readLoosely(vmAt, vmBytes);
      const queue = sharedQueues.resolve(scope, memory.bytes.subarray(nameAt, nameAt + nameBytes));
      if (queue === null) return Status.notFound;
      memory.data.setUint32(result, queue, true);
      return Status.ok;
    },

    proxy_enqueue_shared_queue(queue: number, pointer: number, size: number): number {
      state.assertCallback("proxy_enqueue_shared_queue");
      const at = pointer >>> 0;
      const bytes = size >>> 0;
      const memory = state.memory;
      if (!memory.holds(at, bytes)) return Status.invalidMemoryAccess;
      charge(bytes);
      const outcome = sharedQueues.enqueue(queue >>> 0, memory.bytes.subarray(at, at + bytes));
      if (outcome === "full") state.reportFull("a shared queue");
      return outcome === "done"
        ? Status.ok
        : outcome === "unknown"
          ? Status.notFound
          : Status.internalFailure;
    },

    proxy_dequeue_shared_queue(queue: number, pointerAt: number, sizeAt: number): number {
      state.assertCallback("proxy_dequeue_shared_queue");
      const pointer = pointerAt >>> 0;
      const size = sizeAt >>> 0;
      const memory = state.memory;
      // Before an item is taken out, which would be lost.
      if (!memory.holds(pointer, 4) || !memory.holds(size, 4)) return Status.invalidMemoryAccess;
      charge(0);
      const item = sharedQueues.dequeue(queue >>> 0);
      if (item === "unknown") return Status.notFound;
      return item === "empty" ? Status.empty : state.give(item, pointer, size);
    },
  };
}
