/** Traffic such as a site has, on the socket of a session: pages, scanners, responses. */

import type { V2Proxy } from "../support/fake-proxy.ts";

const BROWSER = { host: ["shop.example"], "user-agent": ["Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"] };

const REQUESTS = [
  { uri: "/", headers: BROWSER },
  { uri: "/products?page=2&sort=price", headers: BROWSER },
  { uri: "/admin/users", headers: BROWSER },
  { uri: "/admin/users", headers: { ...BROWSER, authorization: ["Bearer token"] } },
  { uri: "/search?q=1' OR '1'='1", headers: BROWSER },
  { uri: "/assets/app.css", headers: BROWSER },
  { method: "POST", uri: "/login", headers: { ...BROWSER, cookie: ["session=abc123"] } },
  { uri: "/wp-login.php", headers: { host: ["shop.example"], "user-agent": ["sqlmap/1.7"] } },
] as const;

/** @param count of requests; every other one is followed by its response */
export async function sendTraffic(proxy: V2Proxy, count: number, pauseMs = 0): Promise<void> {
  for (let i = 0; i < count; i++) {
    const id = `traffic-${i}`;
    const { uri, headers, ...rest } = REQUESTS[i % REQUESTS.length]!;
    await proxy.request({ id, uri, headers: { ...headers }, ...rest });
    if (i % 2 === 0) await proxy.response({ id, status: [200, 404, 304][i % 3]! });
    if (pauseMs > 0) await Bun.sleep(pauseMs);
  }
}
