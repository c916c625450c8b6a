// The policy: what to decide about one request or one response.
package main

import (
	"strconv"
	"strings"
)

var (
	sqlInjection       = []string{"'", "--", "union"}
	pathTraversal      = []string{"..", "%2e%2e"}
	crossSiteScripting = []string{"<script", "javascript:"}
	scanners           = []string{"sqlmap", "nikto", "nessus"}
)

func onRequest(request Request) Verdict {
	var verdict Verdict
	uri := lowerASCII(request.uri)

	if strings.Contains(uri, "/admin") {
		if len(request.headerValues("authorization")) == 0 {
			return verdict.block(401, "Authentication required", "admin-blocked")
		}
		verdict.tag("admin-access")
	}
	switch {
	case containsAny(uri, sqlInjection):
		return verdict.block(403, "Forbidden", "sqli-detected")
	case containsAny(uri, pathTraversal):
		return verdict.block(403, "Forbidden", "path-traversal")
	case containsAny(uri, crossSiteScripting):
		return verdict.block(403, "Forbidden", "xss-detected")
	}
	for _, agent := range request.headerValues("user-agent") {
		if containsAny(lowerASCII(agent), scanners) {
			return verdict.block(403, "Forbidden", "scanner-blocked")
		}
	}

	verdict.addRequestHeader("X-Client-IP", request.clientIP)
	verdict.addRequestHeader("X-Wasm-Processed", "true")
	return verdict
}

func onResponse(response Response) Verdict {
	var verdict Verdict
	verdict.addResponseHeader("X-Content-Type-Options", "nosniff")
	verdict.addResponseHeader("X-Frame-Options", "DENY")
	verdict.addResponseHeader("X-XSS-Protection", "1; mode=block")
	verdict.removeResponseHeader("Server")
	verdict.removeResponseHeader("X-Powered-By")
	verdict.tag("status-" + strconv.Itoa(response.status))
	return verdict
}

func containsAny(text string, words []string) bool {
	for _, word := range words {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}
