/** PostgreSQL, as one process with dynamic linking. */
import { PGlite } from "@electric-sql/pglite";

const database = await PGlite.create();
const { rows } = await database.query(
  "select i % 7 as k, count(*)::int as n, md5(string_agg(i::text, ',' order by i)) as m from generate_series(1, 20000) i group by k order by k",
);
let caught = "";
try {
  await database.query("select 1 / 0");
} catch (error) {
  caught = error.message;
}
export const result = `${caught} ${JSON.stringify(rows)}`;
