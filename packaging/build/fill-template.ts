/** Fills the `@NAME@` places of a template. */

import { BuildError } from "./build-error.ts";

/** Throws BuildError when a place has no value, or a value no place. */
export function fillTemplate(template: string, values: Readonly<Record<string, string>>): string {
  const unused = new Set(Object.keys(values));
  const filled = template.replace(/@([A-Z][A-Z0-9_]*)@/g, (place, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) throw new BuildError(`The template has a place ${place} that nothing fills`);
    unused.delete(name);
    return value;
  });
  if (unused.size > 0) throw new BuildError(`The template has no place for ${[...unused].join(", ")}`);
  return filled;
}
