/** SQLite: a table, an index, a recursive query. */
import initSqlJs from "sql.js";

const { Database } = await initSqlJs();
const database = new Database();
database.run(
  "create table visit (id integer primary key, path text, ms real); create index by_path on visit (path)",
);
const insert = database.prepare("insert into visit (path, ms) values (?, ?)");
for (let index = 0; index < 20_000; index += 1) {
  insert.run([`/page/${index % 97}`, ((index * 7919) % 1000) / 3]);
}
insert.free();
const [slowest] = database.exec(
  "select path, count(*), round(avg(ms), 6) from visit group by path order by 3 desc limit 5",
);
const [primes] = database.exec(
  "with recursive n(i) as (select 2 union all select i + 1 from n where i < 3000) " +
    "select count(*) from n where not exists (select 1 from n as m where m.i < n.i and m.i * m.i <= n.i and n.i % m.i = 0)",
);
export const result = JSON.stringify([slowest.values, primes.values, Bun.hash(database.export()).toString()]);
