/** Paths: there is no file system. Opening finds nothing; everything else fails on its directory descriptor. */

import type { ImportFunctions } from "../import-functions.ts";
import type { ImportHost } from "../import-host.ts";
import { isKnownDescriptor } from "./descriptors.ts";
import { ERRNO } from "./errno.ts";

/** Function name -> which parameter is its (first) directory descriptor. */
const DENIED: readonly (readonly [name: string, descriptorIndex: number])[] = [
  ["path_create_directory", 0],
  ["path_filestat_get", 0],
  ["path_filestat_set_times", 0],
  ["path_link", 0],
  ["path_readlink", 0],
  ["path_remove_directory", 0],
  ["path_rename", 0],
  ["path_symlink", 2],
  ["path_unlink_file", 0],
];

export function pathFunctions(host: ImportHost): ImportFunctions {
  const denied = DENIED.map(([name, descriptorIndex]): [string, (...parameters: number[]) => number] => [
    name,
    (...parameters) => {
      const descriptor = parameters[descriptorIndex] ?? -1;
      return host.refuse(name, isKnownDescriptor(descriptor) ? ERRNO.notsup : ERRNO.badf);
    },
  ]);
  return {
    ...Object.fromEntries(denied),
    path_open: () => host.refuse("path_open", ERRNO.noent),
  };
}
