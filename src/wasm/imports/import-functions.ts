/**
 * The functions of one family of imports, by import name, made for one instance. None may use `this`. A guest declares
 * the signature; where it differs from ours the engine converts, so a parameter can be missing but never harmful.
 */
export type ImportFunctions = Readonly<Record<string, (...parameters: never[]) => unknown>>;
