/**
 * How numbers look in the report.
 */

/** Three significant digits; "-" for what could not be measured. */
export function figure(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return "-";
  const size = Math.abs(value);
  if (size >= 1000) return count(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

/** A whole number with thousands set apart. */
export function count(value: number | null): string {
  return value === null || !Number.isFinite(value) ? "-" : Math.round(value).toLocaleString("en-US");
}
