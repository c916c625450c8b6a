/** The command that prints what modules read and answer, and what the status of an agent is, as JSON Schema. */

import { SCHEMA_SUBJECTS, SCHEMAS, type SchemaSubject } from "../tools/schemas.ts";
import { type DescribedCommand, defineAgentCommand } from "./agent-command.ts";
import { ExitCode } from "./exit-codes.ts";
import { choiceKind } from "./value-kind.ts";

export function schemaCommand(): DescribedCommand {
  return defineAgentCommand<{ subject: SchemaSubject }>({
    name: "schema",
    summary: "Print the JSON Schema of events, results or the status.",
    purpose:
      "Prints the JSON Schema of what a module reads, of what it answers, or of what status --json prints.",
    usage: [`schema ${SCHEMA_SUBJECTS.join("|")}`],
    examples: ["schema event", "schema result > result.schema.json"],
    exitCodes: [
      [ExitCode.ok, "printed"],
      [ExitCode.usage, "wrong usage"],
    ],
    options: {
      subject: {
        operand: "<subject>",
        kind: choiceKind(SCHEMA_SUBJECTS),
        fallback: { required: true },
        description:
          "event: what handlers are given; result: what they return; status: the state of a running agent.",
      },
    },
    run: async ({ subject }, { stdout }) => {
      stdout.write(`${JSON.stringify(SCHEMAS[subject], null, 2)}\n`);
      return ExitCode.ok;
    },
  });
}
