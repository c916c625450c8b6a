/** A size for people: `9 bytes`, `64 KiB`, `1.9 MiB`. */
export function showBytes(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)} bytes`;
  const [unit, divisor] =
    bytes < 1024 ** 2 ? ["KiB", 1024] : bytes < 1024 ** 3 ? ["MiB", 1024 ** 2] : ["GiB", 1024 ** 3];
  const amount = bytes / divisor;
  return `${Number.isInteger(amount) ? amount : amount.toFixed(1)} ${unit}`;
}
