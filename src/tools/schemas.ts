/** JSON Schema of what modules read and answer. The documents themselves stand in docs/schema, for editors to use. */

import event from "../../docs/schema/event.json" with { type: "json" };
import result from "../../docs/schema/result.json" with { type: "json" };

export const SCHEMA_SUBJECTS = ["event", "result"] as const;

export type SchemaSubject = (typeof SCHEMA_SUBJECTS)[number];

export const SCHEMAS: Readonly<Record<SchemaSubject, object>> = { event, result };
