/** The container recipes, as far as they can be checked without building an image. */

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { YAML } from "bun";
import { TARGETS } from "../../packaging/build/target.ts";
import { runTool, skippedWithout } from "./installed-tool.ts";

const RECIPES = join(import.meta.dir, "../../packaging/oci");

describe("the image recipe", () => {
  test("takes the executables that the build makes, and ends as a user without rights", async () => {
    const recipe = await Bun.file(join(RECIPES, "Dockerfile")).text();
    const copied = [...recipe.matchAll(/^COPY \S+ (sentinel-wasm-agent-\S+) /gm)].map((match) => match[1]);
    const musl = TARGETS.filter(({ libc }) => libc === "musl").map(
      ({ name }) => `sentinel-wasm-agent-${name}`,
    );
    expect(copied.sort()).toEqual(musl.sort());
    const last = recipe.slice(recipe.lastIndexOf("\nFROM "));
    expect(last).toMatch(/^USER 65532:65532$/m);
    expect(last).toMatch(/^ENTRYPOINT \["\/usr\/bin\/sentinel-wasm-agent"\]$/m);
    expect(last).toMatch(/^VOLUME \/run\/sentinel$/m);
  });
});

describe("the compose example", () => {
  const path = join(RECIPES, "compose.yaml");

  test("joins agent and proxy by the socket's volume alone", async () => {
    const { services, volumes } = YAML.parse(await Bun.file(path).text()) as {
      services: Record<string, { volumes: string[]; network_mode?: string; group_add?: string[] }>;
      volumes: Record<string, unknown>;
    };
    expect(Object.keys(volumes)).toEqual(["socket"]);
    expect(Object.values(services).every((service) => service.volumes.includes("socket:/run/sentinel"))).toBe(
      true,
    );
    expect(services["wasm-agent"]?.network_mode).toBe("none");
    expect(services["proxy"]?.group_add).toEqual(["65532"]);
  });

  test.skipIf(Bun.which("docker-compose") === null)(
    `is understood by docker-compose${skippedWithout("docker-compose")}`,
    () => {
      expect(runTool("docker-compose", "--file", path, "config", "--quiet")).toEqual({
        exitCode: 0,
        output: "",
      });
    },
  );
});
