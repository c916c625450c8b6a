/**
 * Reads and writes the archives of modules beside these tests: tar files compressed with zstd, so that `tar --zstd`
 * shows what is in them. Their content comes from `rebuild-archives.ts`.
 */

export type ArchiveFiles = Map<string, Uint8Array<ArrayBuffer>>;

export type ArchiveName = "spec-suite.tar.zst" | "random-modules.tar.zst";

const tarBlock = 512;

/** The files are views into one buffer. */
export async function readArchive(name: ArchiveName): Promise<ArchiveFiles> {
  const compressed = await Bun.file(archivePath(name)).bytes();
  const tar = new Uint8Array(await Bun.zstdDecompress(compressed));
  const files: ArchiveFiles = new Map();
  const decoder = new TextDecoder();
  let offset = 0;
  while (offset + tarBlock <= tar.byteLength) {
    const name = decoder.decode(tar.subarray(offset, offset + 100)).replace(/\0.*$/s, "");
    if (name === "") {
      break;
    }
    const length = Number.parseInt(decoder.decode(tar.subarray(offset + 124, offset + 135)), 8);
    offset += tarBlock;
    files.set(name, tar.subarray(offset, offset + length));
    offset += Math.ceil(length / tarBlock) * tarBlock;
  }
  return files;
}

/** Writes plain ustar entries without times or owners, so that the same files give the same archive. */
export async function writeArchive(name: ArchiveName, files: ArchiveFiles): Promise<number> {
  const blocks: Uint8Array[] = [];
  for (const [path, bytes] of [...files].sort(([left], [right]) => (left < right ? -1 : 1))) {
    blocks.push(tarHeader(path, bytes.byteLength), bytes, new Uint8Array(-bytes.byteLength & (tarBlock - 1)));
  }
  blocks.push(new Uint8Array(2 * tarBlock));
  const compressed = await Bun.zstdCompress(Buffer.concat(blocks), { level: 22 });
  return await Bun.write(archivePath(name), compressed);
}

function tarHeader(path: string, length: number): Uint8Array {
  const header = Buffer.alloc(tarBlock);
  if (Buffer.byteLength(path) > 99) {
    throw new Error(`${path}: paths in these archives have at most 99 bytes`);
  }
  header.write(path, 0);
  header.write("0000644\0", 100);
  header.write("0000000\0", 108);
  header.write("0000000\0", 116);
  header.write(`${length.toString(8).padStart(11, "0")}\0`, 124);
  header.write("00000000000\0", 136);
  header.write("        0", 148);
  header.write("ustar\u000000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

function archivePath(name: ArchiveName): string {
  return new URL(name, import.meta.url).pathname;
}
