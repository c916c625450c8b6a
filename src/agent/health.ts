/**
 * Whether an agent can answer events: what `/readyz` looks at. A reload that failed leaves it ready, since the module
 * before serves on; that is for an alert.
 */

import type { HealthCheck } from "../telemetry/admin/admin-target.ts";
import type { AgentFacts } from "./agent-facts.ts";

export type AgentPhase = "starting" | "serving" | "draining";

/** `facts`: null while the agent starts. */
export function readinessChecks(phase: AgentPhase, facts: AgentFacts | null): readonly HealthCheck[] {
  const hasStarted = facts !== null;
  return [
    check("module", hasStarted, "loaded and warm", "being loaded"),
    check("socket", hasStarted, "accepts connections", "not opened yet"),
    check("instance", facts?.canServe === true, "ready", "none, and none may be made yet"),
    check(
      "configuration",
      facts?.isConfigured !== false,
      "accepted, or none was pushed",
      "the module refused the proxy's",
    ),
    check("serving", phase === "serving", "yes", phase),
  ];
}

function check(name: string, isGood: boolean, good: string, bad: string): HealthCheck {
  return { name, isGood, fact: isGood ? good : bad };
}
