/** The wanted name, or one made from it that is not taken. */
export function unlike(wanted: string, taken: ReadonlySet<string>): string {
  let name = wanted;
  for (let attempt = 2; taken.has(name); attempt++) name = `${wanted}:${attempt}`;
  return name;
}
