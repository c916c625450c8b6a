/** An analytical database with C++ exceptions in WebAssembly. */
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const duckdb = require("@duckdb/duckdb-wasm/dist/duckdb-node-blocking.cjs");
const folder = new URL("./", import.meta.resolve("@duckdb/duckdb-wasm/dist/duckdb-eh.wasm")).pathname;
const bundle = (name) => ({ mainModule: `${folder}duckdb-${name}.wasm`, mainWorker: "" });
const database = await duckdb.createDuckDB(
  { mvp: bundle("mvp"), eh: bundle("eh") },
  new duckdb.VoidLogger(),
  duckdb.NODE_RUNTIME,
);
await database.instantiate(() => {});
const connection = database.connect();
let caught = "";
try {
  connection.query("select * from nowhere");
} catch (error) {
  caught = String(error).split("\n")[0];
}
const rows = connection
  .query(
    "select (i % 13)::integer as k, count(*)::integer as n, sum(i * i)::double as s, max(md5(i::varchar)) as m from range(100000) t(i) group by k order by k",
  )
  .toArray()
  .map((row) => row.toJSON());
export const result = `${caught} ${JSON.stringify(rows)}`;
