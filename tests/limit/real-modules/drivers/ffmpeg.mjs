/** FFmpeg: renders a test picture sequence and encodes it. */
import { readFile } from "node:fs/promises";

const folder = new URL("./", import.meta.resolve("@ffmpeg/core"));
globalThis.self = globalThis;
globalThis.location = { href: folder.href };
const { default: createFFmpegCore } = await import("@ffmpeg/core");
const core = await createFFmpegCore({
  wasmBinary: await readFile(new URL(import.meta.resolve("@ffmpeg/core/wasm"))),
  locateFile: (path) => new URL(path, folder).href,
  mainScriptUrlOrBlob: `ffmpeg-core.js#${btoa(JSON.stringify({ wasmURL: "", workerURL: "" }))}`,
});
const log = [];
core.setLogger(({ message }) => log.push(message));
core.setTimeout(-1);
const code = core.exec(
  "-f",
  "lavfi",
  "-i",
  "testsrc=duration=1:size=160x120:rate=10",
  "-threads",
  "1",
  "-f",
  "framemd5",
  "out.txt",
);
const frames = new TextDecoder().decode(core.FS.readFile("out.txt"));
core.reset();
const encoded = core.exec(
  "-f",
  "lavfi",
  "-i",
  "testsrc=duration=1:size=160x120:rate=10",
  "-threads",
  "1",
  "-c:v",
  "libx264",
  "-bitexact",
  "out.mp4",
);
export const result = `${code} ${encoded} ${Bun.hash(frames)} ${Bun.hash(core.FS.readFile("out.mp4"))}`;
