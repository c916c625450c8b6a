/**
 * What a release contains, as a CycloneDX document. npm lists the packages; Bun, which it knows only as a tool of the
 * build, is added because every executable carries it.
 */

import { BuildError } from "./build-error.ts";
import { PROJECT, ROOT } from "./project.ts";
import { runTool } from "./run-tool.ts";

interface BillOfMaterials {
  serialNumber?: string;
  metadata: { timestamp: string; component: { name: string; type: string } };
  components: { "bom-ref": string; name: string; version: string }[];
  dependencies: { ref: string; dependsOn?: string[] }[];
}

/** JSON text; the same for the same commit. */
export function writeBillOfMaterials(timeS: number): string {
  const output = runTool(["npm", "sbom", "--sbom-format", "cyclonedx", "--omit", "dev"], {
    cwd: ROOT,
    missing: "it comes with Node.js",
  });
  const bill = parse(output.toString());
  // Made up anew by npm each time.
  delete bill.serialNumber;
  bill.metadata.timestamp = new Date(timeS * 1000).toISOString();
  bill.metadata.component.name = PROJECT.name;
  bill.metadata.component.type = "application";
  const bun = `bun@${PROJECT.bunVersion}`;
  bill.components.push({
    "bom-ref": bun,
    type: "framework",
    name: "bun",
    version: PROJECT.bunVersion,
    description: "JavaScript runtime that every executable carries; includes JavaScriptCore",
    purl: `pkg:npm/${bun}`,
    licenses: [{ license: { id: "MIT" } }, { license: { id: "LGPL-2.1-only" } }],
  } as BillOfMaterials["components"][number]);
  bill.dependencies.find(({ ref }) => ref.startsWith(`${PROJECT.name}@`))?.dependsOn?.push(bun);
  bill.dependencies.push({ ref: bun, dependsOn: [] });
  return `${JSON.stringify(bill, null, 2)}\n`;
}

function parse(text: string): BillOfMaterials {
  const bill = JSON.parse(text) as Partial<BillOfMaterials>;
  if (bill.metadata === undefined || bill.components === undefined || bill.dependencies === undefined) {
    throw new BuildError("npm sbom wrote a document without metadata, components or dependencies");
  }
  return bill as BillOfMaterials;
}
