/**
 * The policy: what to decide about one request or one response. How the host calls it is in `sentinel.ts`.
 */

import { containsAny, lowerCase, Request, Response, Verdict } from "./sentinel";

export { alloc, dealloc } from "./sentinel";

const SQL_INJECTION = ["'", "--", "union"];
const PATH_TRAVERSAL = ["..", "%2e%2e"];
const CROSS_SITE_SCRIPTING = ["<script", "javascript:"];
const SCANNERS = ["sqlmap", "nikto", "nessus"];

export function on_request_headers(pointer: usize, length: usize): u64 {
  return decideRequest(Request.read(pointer, length)).result();
}

export function on_response_headers(pointer: usize, length: usize): u64 {
  return decideResponse(Response.read(pointer, length)).result();
}

function decideRequest(request: Request): Verdict {
  const verdict = new Verdict();
  const uri = lowerCase(request.uri);

  if (uri.includes("/admin")) {
    if (!request.headers.has("authorization")) {
      return verdict.block(401, "Authentication required").tag("admin-blocked");
    }
    verdict.tag("admin-access");
  }
  if (containsAny(uri, SQL_INJECTION)) return verdict.block(403, "Forbidden").tag("sqli-detected");
  if (containsAny(uri, PATH_TRAVERSAL)) return verdict.block(403, "Forbidden").tag("path-traversal");
  if (containsAny(uri, CROSS_SITE_SCRIPTING)) return verdict.block(403, "Forbidden").tag("xss-detected");

  const agents = request.headers.get("user-agent");
  for (let i = 0; i < agents.length; i++) {
    if (containsAny(lowerCase(agents[i]), SCANNERS))
      return verdict.block(403, "Forbidden").tag("scanner-blocked");
  }

  return verdict
    .addRequestHeader("X-Client-IP", request.clientIp)
    .addRequestHeader("X-Wasm-Processed", "true");
}

function decideResponse(response: Response): Verdict {
  return new Verdict()
    .addResponseHeader("X-Content-Type-Options", "nosniff")
    .addResponseHeader("X-Frame-Options", "DENY")
    .addResponseHeader("X-XSS-Protection", "1; mode=block")
    .removeResponseHeader("Server")
    .removeResponseHeader("X-Powered-By")
    .tag(`status-${response.status}`);
}
