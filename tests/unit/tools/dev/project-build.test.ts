/** A build as the session sees it: good or not, and what it wrote. */

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { givenRecipe } from "../../../../src/tools/dev/build-recipe.ts";
import { ProjectBuild } from "../../../../src/tools/dev/project-build.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

describe("a build", () => {
  test("runs in the project's folder", async () => {
    using folder = temporaryFolder();
    const build = new ProjectBuild(folder.path, givenRecipe("printf x > made", "--build"));
    expect(await build.run()).toMatchObject({
      isGood: true,
      output: "",
      ending: "The build ended with exit code 0",
    });
    expect(existsSync(folder.file("made"))).toBe(true);
  });

  test("that fails is told with both streams and without colours", async () => {
    using folder = temporaryFolder();
    const command = "printf '\\033[31mred\\033[0m\\n'; echo bad >&2; exit 3";
    const outcome = await new ProjectBuild(folder.path, givenRecipe(command, "--build")).run();
    expect(outcome.isGood).toBe(false);
    expect(outcome.ending).toBe("The build ended with exit code 3");
    expect(outcome.output.split("\n").toSorted()).toEqual(["bad", "red"]);
  });

  test("that writes without end is kept to its end", async () => {
    using folder = temporaryFolder();
    const command = "yes a long line of warnings | head -c 1000000; echo; echo the error";
    const { output } = await new ProjectBuild(folder.path, givenRecipe(command, "--build")).run();
    expect(output.length).toBeLessThan(70_000);
    expect(output.startsWith("…\n")).toBe(true);
    expect(output.endsWith("\nthe error")).toBe(true);
  });

  test("ends with the session, and what it started with it", async () => {
    using folder = temporaryFolder();
    const build = new ProjectBuild(folder.path, givenRecipe("touch begun; sleep 60; touch done", "--build"));
    const running = build.run();
    while (!existsSync(folder.file("begun"))) await Bun.sleep(5);
    build.close();
    expect(await running).toMatchObject({ isGood: false, ending: "The build was ended by SIGTERM" });
  });

  test("ends with the session, also a compiler that ignores being asked to", async () => {
    using folder = temporaryFolder();
    const stubborn = "sh -c 'trap \"\" TERM; echo $$ > pid; while :; do sleep 0.1; done'; true";
    const build = new ProjectBuild(folder.path, givenRecipe(stubborn, "--build"));
    const running = build.run();
    while (!existsSync(folder.file("pid"))) await Bun.sleep(5);
    await Bun.sleep(20);
    build.close();
    await running;
    const pid = Number(await Bun.file(folder.file("pid")).text());
    // Until it has been collected by whoever inherited it.
    while (isAlive(pid)) await Bun.sleep(5);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie has no command line any more.
    return readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
  } catch {
    return false;
  }
}

describe("the setup", () => {
  const recipe = {
    command: "echo built",
    setup: { command: "mkdir deps; echo again >> count", unlessExists: "deps" },
    origin: "package.json",
    modulePath: "policy.wasm",
  };

  test("runs before the first build only", async () => {
    using folder = temporaryFolder();
    const build = new ProjectBuild(folder.path, recipe);
    await build.run();
    await build.run();
    expect(await Bun.file(folder.file("count")).text()).toBe("again\n");
  });

  test("that fails is the build's failure, under its own name", async () => {
    using folder = temporaryFolder();
    const setup = { command: "echo offline; exit 1", unlessExists: "deps" };
    expect(await new ProjectBuild(folder.path, { ...recipe, setup }).run()).toMatchObject({
      isGood: false,
      output: "offline",
      ending: "`echo offline; exit 1` ended with exit code 1",
    });
  });
});

describe("what a build needs first", () => {
  const recipe = {
    ...givenRecipe("cat node_modules/x", "package.json"),
    setup: { command: "mkdir node_modules && echo fetched > node_modules/x", unlessExists: "node_modules" },
  };

  test("is run once, and is known before", async () => {
    using folder = temporaryFolder();
    const build = new ProjectBuild(folder.path, recipe);
    expect(build.preparation).toBe(recipe.setup.command);
    expect(await build.run()).toMatchObject({ isGood: true, output: "fetched" });
    expect(build.preparation).toBeNull();
    expect(await build.run()).toMatchObject({ isGood: true });
  });

  test("is what failed when it does", async () => {
    using folder = temporaryFolder();
    const setup = { command: "echo no registry >&2; exit 7", unlessExists: "node_modules" };
    expect(await new ProjectBuild(folder.path, { ...recipe, setup }).run()).toMatchObject({
      isGood: false,
      output: "no registry",
      ending: "`echo no registry >&2; exit 7` ended with exit code 7",
    });
  });
});
