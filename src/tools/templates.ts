/** The projects that `new` starts from: the examples themselves, embedded when the program is built. */

import { readTemplates } from "./read-templates.ts" with { type: "macro" };

export const TEMPLATE_NAMES = ["rust", "go", "c", "assemblyscript", "zig", "rego", "http-wasm-rust"] as const;

export type TemplateName = (typeof TEMPLATE_NAMES)[number];

/** Of each template its files: path with slashes -> text. */
export const TEMPLATES: Readonly<Record<string, Readonly<Record<string, string>>>> = readTemplates();
