/**
 * Pictures of the playground for people to look at: light and dark, wide and narrow, with real traffic in it.
 *
 *   bun tests/e2e-dev/screenshots.ts <folder>
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { V2Proxy } from "../support/fake-proxy.ts";
import { NO_BROWSER, openBrowser, WatchedPage } from "./browser.ts";
import { DevProcess } from "./dev-process.ts";
import { type ModuleName, SampleProject } from "./sample-project.ts";
import { sendTraffic } from "./sent-traffic.ts";

const SIZES = [
  { name: "wide", width: 1280, height: 900 },
  { name: "narrow", width: 390, height: 844 },
] as const;
const SCHEMES = ["light", "dark"] as const;
const PAUSE_MS = 30;

const [folder] = process.argv.slice(2);
if (folder === undefined || NO_BROWSER !== null) {
  console.error(NO_BROWSER ?? "usage: bun tests/e2e-dev/screenshots.ts <folder>");
  process.exit(2);
}
mkdirSync(folder, { recursive: true });
const browser = await openBrowser();
try {
  await takeAll(browser, folder);
} finally {
  await browser.close();
}

async function takeAll(browser: Browser, folder: string): Promise<void> {
  using project = await SampleProject.make();
  await using session = await DevProcess.start(project.options);
  const take = (scene: string, act: (page: WatchedPage["page"]) => Promise<void>) =>
    takeScene(browser, session.link, join(folder, scene), act);

  const swapTo = async (name: ModuleName) => {
    const from = session.stdout.length;
    project.write(name);
    await session.said(/ serving /, from);
  };

  await take("empty", async () => {});

  const proxy = await V2Proxy.connect(session.socketPath);
  await sendTraffic(proxy, 60, PAUSE_MS);
  // An author who tries things: every decision there is comes to stand in the charts.
  for (const name of ["redirect-all", "trap-always", "talkative", "policy"] as const) {
    await swapTo(name);
    await sendTraffic(proxy, name === "policy" ? 80 : 12, PAUSE_MS);
  }
  await take("traffic", async (page) => {
    await page
      .getByRole("button", { name: /Replay response 404/ })
      .first()
      .click();
    await page.getByText("The same as on the socket.").waitFor();
  });
  await take("blocked", async (page) => {
    await page.getByLabel("Sample").selectOption({ label: "An admin page without credentials" });
    await page.getByText("Block 401", { exact: true }).waitFor();
  });

  for (const [name, text] of [
    ["trap-always", "Failed"],
    ["talkative", "no rule matched"],
  ] as const) {
    await swapTo(name);
    await take(name, (page) =>
      page
        .locator("#verdict")
        .getByText(text)
        .or(page.locator("#headline").getByText(text))
        .first()
        .waitFor(),
    );
  }

  const from = session.stdout.length;
  project.write("nonsense");
  await session.said(/build failed/, from);
  await take("build-failed", async (page) => {
    await page.getByText("The build ended with exit code 1").waitFor();
  });
}

async function takeScene(
  browser: Browser,
  link: string,
  path: string,
  act: (page: WatchedPage["page"]) => Promise<void>,
): Promise<void> {
  for (const size of SIZES) {
    for (const scheme of SCHEMES) {
      await using watched = await WatchedPage.open(browser, link, { ...size, scheme });
      const { page } = watched;
      await page
        .getByText(/Allow|Block|Redirect|Failed/)
        .first()
        .waitFor();
      await act(page);
      const file = `${path}-${size.name}-${scheme}.png`;
      await page.screenshot({ path: file, fullPage: size.name === "narrow" });
      console.log([file, ...watched.complaints].join("\n  "));
    }
  }
}
