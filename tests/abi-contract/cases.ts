/**
 * What holds for guests of every ABI, whatever they are called by: one specification, which abi-contract.test.ts runs
 * against each ABI and each way of dispatch.
 */

import { CONFIGURATION_CASES } from "./configuration-cases.ts";
import type { ContractCase } from "./contract-case.ts";
import { EXCHANGE_CASES } from "./exchange-cases.ts";
import { FAILURE_CASES } from "./failure-cases.ts";
import { RELOAD_CASES } from "./reload-cases.ts";
import { VERDICT_CASES } from "./verdict-cases.ts";

export const CASES = {
  ...VERDICT_CASES,
  ...EXCHANGE_CASES,
  ...FAILURE_CASES,
  ...CONFIGURATION_CASES,
  ...RELOAD_CASES,
} as const satisfies Readonly<Record<string, ContractCase>>;

export type CaseName = keyof typeof CASES;
