/** The versions of Proxy-Wasm, told apart by a function that a module exports and nobody calls (docs/proxy-wasm.md 1). */

export interface AbiVersion {
  readonly name: string;
  /** Header callbacks take a third parameter, the end of the stream. */
  readonly headersTakeEnd: boolean;
  /** A header that is not there is status OK with an empty value. */
  readonly missingHeaderIsOk: boolean;
  /** A guest that stops at headers still gets the body; otherwise everything waits until it goes on. */
  readonly stopsHeadersAlone: boolean;
}

const MARKER = "proxy_abi_version_";

const STANDARD = { headersTakeEnd: true, missingHeaderIsOk: false, stopsHeadersAlone: false };

/** By marker, in the order in which the reference host looks for them. 0.2.100 is the dialect of Higress. */
const VERSIONS: ReadonlyMap<string, AbiVersion> = new Map([
  [`${MARKER}0_1_0`, { ...STANDARD, name: "0.1.0", headersTakeEnd: false, missingHeaderIsOk: true }],
  [`${MARKER}0_2_0`, { ...STANDARD, name: "0.2.0" }],
  [`${MARKER}0_2_1`, { ...STANDARD, name: "0.2.1" }],
  [`${MARKER}0_2_100`, { ...STANDARD, name: "0.2.100", stopsHeadersAlone: true }],
]);

/** Null for a module without a marker that is known here. */
export function readAbiVersion(exportNames: { has(name: string): boolean }): AbiVersion | null {
  for (const [marker, version] of VERSIONS) if (exportNames.has(marker)) return version;
  return null;
}

/** Whether a module says that it is one, of whatever version. */
export function hasAbiMarker(exports: { has(name: string): boolean; keys(): Iterable<string> }): boolean {
  return readAbiVersion(exports) !== null || unknownMarkers(exports.keys()).length > 0;
}

/** Markers of versions that this agent does not know, as the module names them. */
export function unknownMarkers(exportNames: Iterable<string>): readonly string[] {
  return [...exportNames].filter((name) => name.startsWith(MARKER) && !VERSIONS.has(name));
}
