//! The policy: what to decide about one request or one response. How the host calls it is in `guest.rs`.

mod guest;

use guest::{Request, Response, Verdict};

const SQL_INJECTION: [&str; 3] = ["'", "--", "union"];
const PATH_TRAVERSAL: [&str; 2] = ["..", "%2e%2e"];
const CROSS_SITE_SCRIPTING: [&str; 2] = ["<script", "javascript:"];
const SCANNERS: [&str; 3] = ["sqlmap", "nikto", "nessus"];

fn on_request(request: Request) -> Verdict {
    let uri = request.uri.to_ascii_lowercase();
    let mut verdict = Verdict::default();

    if uri.contains("/admin") {
        if request.header("authorization").next().is_none() {
            return verdict.block(401, "Authentication required", "admin-blocked");
        }
        verdict.tag("admin-access");
    }
    if contains_any(&uri, &SQL_INJECTION) {
        return verdict.block(403, "Forbidden", "sqli-detected");
    }
    if contains_any(&uri, &PATH_TRAVERSAL) {
        return verdict.block(403, "Forbidden", "path-traversal");
    }
    if contains_any(&uri, &CROSS_SITE_SCRIPTING) {
        return verdict.block(403, "Forbidden", "xss-detected");
    }
    if request
        .header("user-agent")
        .any(|agent| contains_any(&agent.to_ascii_lowercase(), &SCANNERS))
    {
        return verdict.block(403, "Forbidden", "scanner-blocked");
    }

    verdict.add_request_header("X-Client-IP", &request.client_ip);
    verdict.add_request_header("X-Wasm-Processed", "true");
    verdict
}

fn on_response(response: Response) -> Verdict {
    let mut verdict = Verdict::default();
    verdict.add_response_header("X-Content-Type-Options", "nosniff");
    verdict.add_response_header("X-Frame-Options", "DENY");
    verdict.add_response_header("X-XSS-Protection", "1; mode=block");
    verdict.remove_response_header("Server");
    verdict.remove_response_header("X-Powered-By");
    verdict.tag(format!("status-{}", response.status));
    verdict
}

fn contains_any(text: &str, needles: &[&str]) -> bool {
    needles.iter().any(|needle| text.contains(needle))
}
