/** Numbers for people: `1,234,567`, `12.3`. */
export function showNumber(value: number): string {
  return value >= 100 || Number.isInteger(value) ? Math.round(value).toLocaleString("en") : value.toFixed(1);
}

export function showShare(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** `3 d 4 h`, `2 h 5 min`, `41 s`. */
export function showUptime(seconds: number): string {
  const whole = Math.floor(seconds);
  const units: readonly (readonly [string, number])[] = [
    ["d", 86_400],
    ["h", 3600],
    ["min", 60],
    ["s", 1],
  ];
  const first = units.findIndex(([, size]) => whole >= size);
  if (first === -1) return "0 s";
  let rest = whole;
  const parts: string[] = [];
  for (const [name, size] of units.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${name}`);
  }
  return parts.join(" ");
}
