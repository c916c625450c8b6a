# Who may use the API of a shop: anybody may read its catalogue, customers with a token may order, up to a limit.
package envoy.authz

import input.attributes.request.http

# Without a default, a request that no rule fits would be undefined: a failure, and not a decision.
default allow := {"allowed": false, "http_status": 403, "body": "Forbidden"}

allow := {"allowed": true} if is_public

else := {
	"allowed": false,
	"http_status": 401,
	"body": "Sign in first",
	"headers": {"WWW-Authenticate": "Bearer"},
} if {
	not is_signed_in
}

else := {
	"allowed": false,
	"http_status": 422,
	"body": sprintf("At most %d of an item may be ordered at once", [data.settings.max_quantity]),
} if {
	is_too_much
}

else := {
	"allowed": true,
	"headers": {"x-customer": claims.sub},
	"request_headers_to_remove": ["authorization"],
} if {
	may_order
}

is_public if {
	http.method in {"GET", "HEAD"}
	input.parsed_path[0] in data.settings.public
}

may_order if {
	http.method == "POST"
	input.parsed_path == ["orders"]
	count(input.parsed_body.items) > 0
}

is_too_much if {
	some item in input.parsed_body.items
	item.quantity > data.settings.max_quantity
}

is_signed_in if claims.sub

# The claims of a token whose signature, audience and lifetime are as they must be; else undefined.
claims := payload if {
	[scheme, token] := split(http.headers.authorization, " ")
	lower(scheme) == "bearer"
	[valid, _, payload] := io.jwt.decode_verify(token, {
		"secret": data.settings.secret,
		"alg": "HS256",
		"aud": "shop",
	})
	valid
}

# Decides on responses, where it is named for them: --response-entrypoint envoy/authz/response
default response := {"allowed": true}

response := {"allowed": true, "response_headers_to_add": {"cache-control": "no-store"}} if not is_public
