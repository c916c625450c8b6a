/** JSON Schema of what modules read and answer, and of the status of a running agent. The documents themselves stand in docs/schema, for editors to use. */

import event from "../../docs/schema/event.json" with { type: "json" };
import result from "../../docs/schema/result.json" with { type: "json" };
import status from "../../docs/schema/status.json" with { type: "json" };

export const SCHEMA_SUBJECTS = ["event", "result", "status"] as const;

export type SchemaSubject = (typeof SCHEMA_SUBJECTS)[number];

export const SCHEMAS: Readonly<Record<SchemaSubject, object>> = { event, result, status };
