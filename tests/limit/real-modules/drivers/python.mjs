/** CPython with its standard library. */
import { loadPyodide } from "pyodide";

const python = await loadPyodide();
export const result = String(
  python.runPython(`
import hashlib, json, re, decimal
decimal.getcontext().prec = 60
words = sorted({re.sub(r"(\\d)(\\d)", r"\\2\\1", str(n * n)) for n in range(20000)})
root = decimal.Decimal(2).sqrt()
try:
    [].pop()
except IndexError as error:
    caught = str(error)
json.dumps([len(words), hashlib.sha256("".join(words).encode()).hexdigest(), str(root), caught])
`),
);
