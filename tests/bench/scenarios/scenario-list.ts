/**
 * All scenarios, in the order they run.
 */

import type { Scenario } from "../bench.ts";
import { compute } from "./compute.ts";
import { hostile } from "./hostile.ts";
import { limits } from "./limits.ts";
import { memory } from "./memory.ts";
import { micro } from "./micro.ts";
import { openLoop } from "./open-loop.ts";
import { share } from "./share.ts";
import { start } from "./start.ts";
import { v1 } from "./v1.ts";
import { v2 } from "./v2.ts";

export const SCENARIOS: readonly Scenario[] = [
  v1,
  share,
  v2,
  openLoop,
  compute,
  hostile,
  limits,
  start,
  memory,
  micro,
];
