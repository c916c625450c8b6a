/**
 * The Debian package of one target: a tree of files and a control folder, packed by dpkg-deb. What the files say stands
 * in packaging/debian and packaging/systemd.
 */

import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { BuildError } from "./build-error.ts";
import type { Compression } from "./compression.ts";
import type { Documents } from "./documents.ts";
import { type FileContent, layOut, type TreeFile } from "./file-tree.ts";
import { fillTemplate } from "./fill-template.ts";
import { PROJECT, ROOT } from "./project.ts";
import { runTool } from "./run-tool.ts";
import type { Target } from "./target.ts";

export interface DebianInput {
  readonly target: Target;
  readonly executable: string;
  readonly documents: Documents;
  readonly timeS: number;
  readonly compression: Compression;
  /** A folder for the tree to pack. */
  readonly workDir: string;
  /** The folder in which the package appears. */
  readonly outDir: string;
}

const REVISION = `${PROJECT.version}-1`;
/** Files that are the operator's once installed: an upgrade never overwrites them unasked. */
const CONFIGURATION = ["etc/sentinel/wasm-agent.env"];

/** Returns the path of the package. */
export function packDebianPackage(input: DebianInput): string {
  const { target, timeS, compression, workDir, outDir } = input;
  const architecture = target.debianArchitecture;
  if (architecture === null) throw new BuildError(`There is no Debian package for ${target.name}`);
  const files = [...installedFiles(input)];
  layOut(workDir, [...files, ...controlFiles(files, architecture)], timeS);
  const path = join(outDir, `${PROJECT.name}_${REVISION}_${architecture}.deb`);
  runTool(["dpkg-deb", "--root-owner-group", "-Zxz", `-z${compression.xzLevel}`, "--build", workDir, path], {
    env: { SOURCE_DATE_EPOCH: String(timeS) },
    missing: "install the package dpkg",
  });
  return path;
}

function installedFiles({ executable, documents, timeS }: DebianInput): TreeFile[] {
  const doc = `usr/share/doc/${PROJECT.name}`;
  const data = (path: string, content: FileContent): TreeFile => ({ path, mode: 0o644, content });
  return [
    { path: `usr/bin/${PROJECT.name}`, mode: 0o755, content: { copyOf: executable } },
    data(`usr/lib/systemd/system/${PROJECT.name}.service`, source(`systemd/${PROJECT.name}.service`)),
    ...["", "-admin", "-metrics"].map((part) =>
      data(
        `usr/lib/systemd/system/${PROJECT.name}${part}.socket`,
        source(`systemd/${PROJECT.name}${part}.socket`),
      ),
    ),
    data(`usr/lib/sysusers.d/${PROJECT.name}.conf`, source("systemd/sysusers.conf")),
    data("etc/sentinel/wasm-agent.env", source("etc/wasm-agent.env")),
    data(`usr/share/man/man1/${PROJECT.name}.1.gz`, compressed(documents.manPage)),
    data(`usr/share/bash-completion/completions/${PROJECT.name}`, documents.bashCompletion),
    data(`usr/share/zsh/vendor-completions/_${PROJECT.name}`, documents.zshCompletion),
    data(`usr/share/fish/vendor_completions.d/${PROJECT.name}.fish`, documents.fishCompletion),
    data(`usr/share/${PROJECT.name}/examples/policy.wasm`, {
      copyOf: join(ROOT, "examples/rust/policy.wasm"),
    }),
    data(`usr/share/lintian/overrides/${PROJECT.name}`, source("debian/lintian-overrides")),
    data(`${doc}/copyright`, source("debian/copyright")),
    data(`${doc}/changelog.gz`, compressed(readFileSync(join(ROOT, "CHANGELOG.md")))),
    data(`${doc}/changelog.Debian.gz`, compressed(Buffer.from(debianChangelog(timeS)))),
    data(`${doc}/README.md.gz`, compressed(readFileSync(join(ROOT, "README.md")))),
  ];
}

function controlFiles(files: readonly TreeFile[], architecture: string): TreeFile[] {
  const control = fillTemplate(source("debian/control"), {
    VERSION: REVISION,
    ARCHITECTURE: architecture,
    MAINTAINER: PROJECT.maintainer,
    HOMEPAGE: PROJECT.homepage,
    INSTALLED_KIB: String(Math.ceil(files.reduce((sum, { content }) => sum + sizeOf(content), 0) / 1024)),
  });
  const hashed = files.filter(({ path }) => !CONFIGURATION.includes(path));
  const script = (name: string): TreeFile => ({
    path: `DEBIAN/${name}`,
    mode: 0o755,
    content: source(`debian/${name}`),
  });
  const data = (name: string, content: string): TreeFile => ({
    path: `DEBIAN/${name}`,
    mode: 0o644,
    content,
  });
  return [
    data("control", control),
    data("conffiles", CONFIGURATION.map((path) => `/${path}\n`).join("")),
    data("md5sums", hashed.map(({ path, content }) => `${md5Of(content)}  ${path}\n`).join("")),
    script("postinst"),
    script("prerm"),
    script("postrm"),
  ];
}

function debianChangelog(timeS: number): string {
  const date = new Date(timeS * 1000).toUTCString().replace("GMT", "+0000");
  return `${PROJECT.name} (${REVISION}) unstable; urgency=medium

  * Release ${PROJECT.version}: see changelog.gz beside this file.

 -- ${PROJECT.maintainer}  ${date}
`;
}

function source(path: string): string {
  return readFileSync(join(ROOT, "packaging", path), "utf8");
}

function compressed(bytes: Uint8Array): Uint8Array {
  return Bun.gzipSync(new Uint8Array(bytes), { level: 9 });
}

function bytesOf(content: FileContent): string | Uint8Array {
  return typeof content === "object" && "copyOf" in content ? readFileSync(content.copyOf) : content;
}

function sizeOf(content: FileContent): number {
  if (typeof content === "string") return Buffer.byteLength(content);
  return "copyOf" in content ? statSync(content.copyOf).size : content.length;
}

function md5Of(content: FileContent): string {
  return new Bun.CryptoHasher("md5").update(bytesOf(content)).digest("hex");
}
