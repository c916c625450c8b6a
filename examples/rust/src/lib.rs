//! The policy: what to decide about one request or one response. How the host calls it is in `guest.rs`.

mod guest;
mod words;

use guest::{Request, Response, Verdict};
use words::Words;

static ADMIN: Words<1> = Words::new(["/admin"]);
static SQL_INJECTION: Words<3> = Words::new(["'", "--", "union"]);
static PATH_TRAVERSAL: Words<2> = Words::new(["..", "%2e%2e"]);
static CROSS_SITE_SCRIPTING: Words<2> = Words::new(["<script", "javascript:"]);
static SCANNERS: Words<3> = Words::new(["sqlmap", "nikto", "nessus"]);

fn on_request(request: Request) -> Verdict {
    let uri = request.uri.as_ref();
    let mut verdict = Verdict::default();

    if ADMIN.any_in(uri) {
        if request.header("authorization").next().is_none() {
            return verdict.block(401, "Authentication required", "admin-blocked");
        }
        verdict.tag("admin-access");
    }
    if SQL_INJECTION.any_in(uri) {
        return verdict.block(403, "Forbidden", "sqli-detected");
    }
    if PATH_TRAVERSAL.any_in(uri) {
        return verdict.block(403, "Forbidden", "path-traversal");
    }
    if CROSS_SITE_SCRIPTING.any_in(uri) {
        return verdict.block(403, "Forbidden", "xss-detected");
    }
    if request
        .header("user-agent")
        .any(|agent| SCANNERS.any_in(agent))
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
