/** What an ABI brings to the contract suite. */

import type { AbiName } from "../../src/abi/abi-options.ts";
import type { EventKind } from "../../src/event/event.ts";
import type { FailureCode } from "../../src/event/failure.ts";
import type { Behaviour } from "./behaviours.ts";
import type { CaseName } from "./cases.ts";

export interface AbiDescriptor {
  readonly name: AbiName;
  /** A module that behaves like that (behaviours.ts). Not called for cases that are exceptions. */
  guest(behaviour: Behaviour): Promise<Uint8Array<ArrayBuffer>>;
  /** What the guest `block` handles, as its factory should find out. */
  readonly blockHandles: readonly EventKind[];
  /** The failure that the guest `bad-result` ends with. */
  readonly badResultCode: FailureCode;
  /** Options that the agent needs to serve these guests. */
  readonly flags?: readonly string[];
  /** Cases that do not hold for this ABI, each with its reason. */
  readonly exceptions: Readonly<Partial<Record<CaseName, string>>>;
}
