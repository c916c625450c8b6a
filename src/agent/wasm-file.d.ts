/** Imported with `type: "file"`, a module's own path, also inside the executable. */
declare module "*.wasm" {
  const path: string;
  export default path;
}
