/** Events to begin with. */

import type { EventForm } from "../page-messages.ts";

const BROWSER = [
  ["host", "shop.example"],
  ["user-agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"],
  ["accept", "text/html,application/xhtml+xml"],
  ["accept-language", "en"],
] as const;

function request(method: string, uri: string, headers: EventForm["headers"] = BROWSER): EventForm {
  return { kind: "request-headers", method, uri, clientIp: "203.0.113.9", headers };
}

export const SAMPLES: readonly { readonly name: string; readonly form: EventForm }[] = [
  { name: "A page", form: request("GET", "/products?page=1") },
  { name: "An admin page without credentials", form: request("GET", "/admin/users") },
  {
    name: "An admin page with a token",
    form: request("GET", "/admin/users", [...BROWSER, ["authorization", "Bearer token"]]),
  },
  { name: "SQL in the query", form: request("GET", "/search?q=1' OR '1'='1") },
  {
    name: "A scanner",
    form: request("GET", "/", [
      ["host", "shop.example"],
      ["user-agent", "sqlmap/1.7"],
    ]),
  },
  {
    name: "A form post with cookies",
    form: request("POST", "/login", [
      ...BROWSER,
      ["content-type", "application/x-www-form-urlencoded"],
      ["cookie", "session=abc123"],
    ]),
  },
  {
    name: "A response",
    form: {
      kind: "response-headers",
      status: 200,
      headers: [
        ["content-type", "text/html; charset=utf-8"],
        ["server", "nginx"],
        ["x-powered-by", "PHP/8.3"],
      ],
    },
  },
];
