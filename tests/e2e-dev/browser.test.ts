/** The playground as a person uses it: with a mouse, with a keyboard alone, on a phone. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Browser } from "playwright-core";
import { V2Proxy } from "../support/fake-proxy.ts";
import { NO_BROWSER, openBrowser, WatchedPage } from "./browser.ts";
import { DevProcess } from "./dev-process.ts";
import { SampleProject } from "./sample-project.ts";
import { sendTraffic } from "./sent-traffic.ts";

/** A browser takes its time, on a machine that may have other things to do. */
setDefaultTimeout(60_000);

if (NO_BROWSER !== null) console.log(`the playground in a browser: skipped, ${NO_BROWSER}`);

describe.skipIf(NO_BROWSER !== null)("the playground in a browser", () => {
  let project: SampleProject;
  let session: DevProcess;
  let browser: Browser;
  let proxy: V2Proxy;

  beforeAll(async () => {
    project = await SampleProject.make();
    session = await DevProcess.start(project.options);
    proxy = await V2Proxy.connect(session.socketPath);
    browser = await openBrowser();
  }, 90_000);

  afterAll(async () => {
    // A browser that does not end by itself is ended with this process.
    await Promise.race([browser?.close(), Bun.sleep(10_000)]);
    await session?.[Symbol.asyncDispose]();
    project?.[Symbol.dispose]();
  }, 30_000);

  test("asks about an edited request and shows the verdict", async () => {
    await using watched = await WatchedPage.open(browser, session.link);
    const { page } = watched;
    await page.getByLabel("URI").fill("/admin/panel");
    await page.getByLabel(/^Headers/).fill("Host: a.test\nX-Note: <b>not bold</b>");
    await page.getByRole("button", { name: "Ask the module" }).click();
    await page.locator("#headline").getByText("Block 401").waitFor();
    const verdict = page.locator("#verdict");
    expect(await verdict.getByText("Authentication required").isVisible()).toBe(true);
    expect(await verdict.getByText("admin-blocked").isVisible()).toBe(true);
    // Headers are text, whatever is in them.
    const headers = await verdict.getByRole("listitem").allInnerTexts();
    expect(headers.map((line) => line.trim())).toEqual(["host: a.test", "x-note: <b>not bold</b>"]);
    await page.getByLabel("URI").fill("/");
    await page.getByRole("button", { name: "Ask the module" }).click();
    await page.locator("#headline").getByText("Allow").waitFor();
    expect(await page.locator("#headline").textContent()).toMatch(/[\d.]+ [µm]?s · fuel [\d,]+ · .*MiB/);
    expect(await verdict.locator(".diff .added").allInnerTexts()).toContainEqual(
      expect.stringContaining("X-Client-IP: 203.0.113.9"),
    );
    expect(watched.complaints).toEqual([]);
  });

  test("says what is wrong with a form, and asks nothing", async () => {
    await using watched = await WatchedPage.open(browser, session.link);
    const { page } = watched;
    await page.locator("#headline").getByText("Allow").waitFor();
    await page.getByLabel(/^Headers/).fill("no colon here");
    await page.getByRole("button", { name: "Ask the module" }).click();
    await page.getByText("Line 1 of the headers has no colon; write name: value.").waitFor();
    await page.getByLabel(/^Headers/).fill("");
    await page.getByText("Configuration", { exact: true }).click();
    await page.getByLabel("Configuration as JSON").fill("{");
    await page.getByRole("button", { name: "Ask the module" }).click();
    await page.getByText("the configuration is not valid JSON").waitFor();
  });

  test("shows events of the socket as they come, and replays one with a click", async () => {
    await using watched = await WatchedPage.open(browser, session.link);
    const { page } = watched;
    await page.locator("#headline").getByText("Allow").waitFor();
    await proxy.request({ id: "live", uri: "/admin/live", headers: { host: ["live.test"] } });
    await page.getByRole("button", { name: /^Replay GET \/admin\/live/ }).click();
    await page.getByText("The same as on the socket.").waitFor();
    expect(await page.getByLabel("URI").inputValue()).toBe("/admin/live");
    expect(await page.getByLabel(/^Headers/).inputValue()).toBe("host: live.test");
    expect(await page.locator("#headline").textContent()).toContain("Block 401");
    await page.getByText("As it happened").click();
    expect(await page.locator("#headline").textContent()).not.toContain("fuel");
    expect(watched.complaints).toEqual([]);
  });

  test("asks about a body behind its request, and replays one from the socket", async () => {
    await using watched = await WatchedPage.open(browser, session.link);
    const { page } = watched;
    project.write("replace-bodies");
    await page.getByText("request bodies").waitFor();
    await page.getByLabel("Kind of event").selectOption("Request body");
    await page.getByLabel("Request body", { exact: true }).fill("a secret");
    await page.getByText("Request before it").click();
    await page.getByRole("button", { name: "Ask the module" }).click();
    await page.getByText("the proxy forwards a buffered request body unchanged").waitFor();
    await page.getByLabel("In pieces, as it is read").check();
    await page.getByLabel("URI").fill("/upload");
    await page.getByRole("button", { name: "Ask the module" }).click();
    await page.locator("#headline").getByText("Allow, replaced").waitFor();
    expect(await page.locator("#verdict pre").textContent()).toBe("replaced");
    await proxy.request({ id: "body", uri: "/from-the-socket", headers: { "content-length": ["3"] } });
    await proxy.requestBody({ id: "body", bytes: new Uint8Array([0, 255, 10]), isStreamed: true });
    await page.getByRole("button", { name: /^Replay request body, 3 bytes/ }).click();
    await page.getByText("The same as on the socket.").waitFor();
    expect(await page.getByLabel("Request body", { exact: true }).inputValue()).toBe("00ff0a");
    expect(await page.getByLabel("URI").inputValue()).toBe("/from-the-socket");
    await page.getByLabel("Kind of event").selectOption("WebSocket frame");
    await page.getByRole("button", { name: "Ask the module" }).click();
    await page.locator("#headline").getByText("Allow").waitFor();
    project.write("policy");
    await page.getByText("requests, responses").waitFor();
    expect(watched.complaints).toEqual([]);
  });

  test("asks again after a reload, and compares", async () => {
    await using watched = await WatchedPage.open(browser, session.link);
    const { page } = watched;
    await page.locator("#headline").getByText("Allow").waitFor();
    project.write("block-all");
    await page.locator("#headline").getByText("Block 451").waitFor();
    await page.getByText("Before the reload it was: Allow.").waitFor();
    project.write("nonsense");
    await page.getByText("The build ended with exit code 1").waitFor();
    expect(await page.getByLabel("What the build or the loader said").inputValue()).toContain("`nonsense`");
    expect(await page.locator("#headline").textContent()).toContain("Block 451");
    project.write("policy");
    await page.locator("#headline").getByText("Allow").waitFor();
    await page.getByText("The build ended with exit code 1").waitFor({ state: "hidden" });
    expect(watched.complaints).toEqual([]);
  });

  test("can be used without a mouse", async () => {
    await using watched = await WatchedPage.open(browser, session.link);
    const { page } = watched;
    const { keyboard } = page;
    const focused = () =>
      page.evaluate<string>("document.activeElement.id || document.activeElement.textContent");
    await page.locator("#headline").getByText("Allow").waitFor();
    await proxy.request({ id: "key-1", uri: "/first" });
    await proxy.request({ id: "key-2", uri: "/admin/second" });
    await page.getByRole("button", { name: /^Replay GET \/admin\/second/ }).waitFor();

    await keyboard.press("/");
    expect(await focused()).toBe("uri");
    await keyboard.type("/admin/typed");
    await keyboard.press("Control+Enter");
    await page.locator("#headline").getByText("Block 401").waitFor();

    // Whatever can be reached shows that it is.
    await keyboard.press("Tab");
    expect(await page.evaluate<string>("getComputedStyle(document.activeElement).outlineStyle")).toBe(
      "solid",
    );
    for (let i = 0; (await focused()) !== "GET /admin/second" && i < 30; i++) await keyboard.press("Tab");
    expect(await focused()).toBe("GET /admin/second");
    await keyboard.press("ArrowDown");
    expect(await focused()).toBe("GET /first");
    await keyboard.press("Enter");
    await page.getByText("The same as on the socket.").waitFor();
    expect(await page.getByLabel("URI").inputValue()).toBe("/first");
    expect(watched.complaints).toEqual([]);
  });

  for (const [width, scheme] of [
    [360, "light"],
    [360, "dark"],
    [768, "light"],
    [1280, "light"],
    [1280, "dark"],
  ] as const) {
    test(`fits ${width} pixels, ${scheme}, with contrast enough to read`, async () => {
      await proxy.request({ id: "long", uri: `/${"long".repeat(200)}` });
      await sendTraffic(proxy, 4);
      await using watched = await WatchedPage.open(browser, session.link, { width, height: 800, scheme });
      const { page } = watched;
      await page
        .getByRole("button", { name: /^Replay GET \/longlong/ })
        .first()
        .click();
      await page.getByText("The same as on the socket.").waitFor();
      expect(await watched.overflow()).toBe(0);
      expect(await watched.faintTexts()).toEqual([]);
      expect(watched.complaints).toEqual([]);
    });
  }

  test("without its token shows that the link is of no use, and nothing else", async () => {
    await using watched = await WatchedPage.open(browser, `${new URL(session.link).origin}/`);
    await watched.page.getByRole("heading", { name: "The playground refuses this page" }).waitFor();
    await watched.page.getByText(/^The token is missing or of another session/).waitFor();
    expect(await watched.page.locator("#rows tr").count()).toBe(0);
  });

  test("cannot be driven by a page of another origin", async () => {
    using stranger = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () =>
        new Response("<!doctype html><title>stranger</title>", { headers: { "content-type": "text/html" } }),
    });
    const page = await browser.newPage();
    try {
      await page.goto(`http://127.0.0.1:${stranger.port}/`);
      const { origin, hash } = new URL(session.link);
      // Even one that has come by the token.
      const script = `fetch("${origin}/api/rebuild", {
        method: "POST",
        headers: { authorization: "Bearer ${hash.slice("#token=".length)}" },
      }).then(() => "answered", () => "refused")`;
      expect(await page.evaluate<string>(script)).toBe("refused");
      const simple = `fetch("${origin}/api/rebuild", { method: "POST", mode: "no-cors" }).then(() => "sent", String)`;
      await page.evaluate(simple);
    } finally {
      await page.close();
    }
    await Bun.sleep(300);
    expect(session.stdout).not.toContain("asked for in the playground");
  });
});
