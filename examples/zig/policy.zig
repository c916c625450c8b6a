//! The policy: what to decide about one request or one response. How the host calls it is in `guest.zig`.

const std = @import("std");
const guest = @import("guest.zig");

const sql_injection = [_][]const u8{ "'", "--", "union" };
const path_traversal = [_][]const u8{ "..", "%2e%2e" };
const cross_site_scripting = [_][]const u8{ "<script", "javascript:" };
const scanners = [_][]const u8{ "sqlmap", "nikto", "nessus" };

export fn on_request_headers(pointer: [*]const u8, len: usize) u64 {
    return guest.answer(guest.Request, pointer[0..len], onRequest);
}

export fn on_response_headers(pointer: [*]const u8, len: usize) u64 {
    return guest.answer(guest.Response, pointer[0..len], onResponse);
}

fn onRequest(request: guest.Request, verdict: *guest.Verdict) !void {
    if (containsAny(request.uri, &.{"/admin"})) {
        if (!request.hasHeader("authorization")) {
            return verdict.block(401, "Authentication required", "admin-blocked");
        }
        try verdict.tag("admin-access", .{});
    }
    if (containsAny(request.uri, &sql_injection)) {
        return verdict.block(403, "Forbidden", "sqli-detected");
    }
    if (containsAny(request.uri, &path_traversal)) {
        return verdict.block(403, "Forbidden", "path-traversal");
    }
    if (containsAny(request.uri, &cross_site_scripting)) {
        return verdict.block(403, "Forbidden", "xss-detected");
    }
    var agents = request.headerValues("user-agent");
    while (agents.next()) |agent| {
        if (containsAny(agent, &scanners)) {
            return verdict.block(403, "Forbidden", "scanner-blocked");
        }
    }

    try verdict.addRequestHeader("X-Client-IP", request.client_ip);
    try verdict.addRequestHeader("X-Wasm-Processed", "true");
}

fn onResponse(response: guest.Response, verdict: *guest.Verdict) !void {
    try verdict.addResponseHeader("X-Content-Type-Options", "nosniff");
    try verdict.addResponseHeader("X-Frame-Options", "DENY");
    try verdict.addResponseHeader("X-XSS-Protection", "1; mode=block");
    try verdict.removeResponseHeader("Server");
    try verdict.removeResponseHeader("X-Powered-By");
    try verdict.tag("status-{d}", .{response.status});
}

/// Passes over the case of ASCII letters in the text; the words have no capital letters, and none is empty.
fn containsAny(text: []const u8, words: []const []const u8) bool {
    for (text, 0..) |byte, start| {
        const first = std.ascii.toLower(byte);
        for (words) |word| {
            if (first == word[0] and std.ascii.startsWithIgnoreCase(text[start..], word)) return true;
        }
    }
    return false;
}
