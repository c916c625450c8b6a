package main

// A Request holds what a policy needs of a request. The host sends method and correlation_id too.
//
// Its strings are parts of the event's text: what a policy keeps for later should be a strings.Clone, or all of that
// text stays in memory.
type Request struct {
	uri      string
	clientIP string
	headers  []Header
}

// A Response holds what a policy needs of a response. The host sends headers and correlation_id too.
type Response struct {
	status int
}

type Header struct {
	name  string
	value string
}

// headerValues finds a header whatever the letter case of its name; lowerName has no capital letters.
func (r Request) headerValues(lowerName string) []string {
	var values []string
	for _, header := range r.headers {
		if len(header.name) == len(lowerName) && lowerASCII(header.name) == lowerName {
			values = append(values, header.value)
		}
	}
	return values
}

func readRequest(text string) Request {
	var request Request
	var hasURI, hasClientIP, hasHeaders bool
	json := newJSONReader(text)
	for more := json.open('{', '}'); more; more = json.more('}') {
		switch json.key() {
		case "uri":
			request.uri, hasURI = json.string(), true
		case "client_ip":
			request.clientIP, hasClientIP = json.string(), true
		case "headers":
			request.headers, hasHeaders = readHeaders(&json), true
		default:
			json.skip()
		}
	}
	json.end()
	if !hasURI || !hasClientIP || !hasHeaders {
		panic("the event lacks uri, client_ip or headers")
	}
	return request
}

func readHeaders(json *jsonReader) []Header {
	headers := make([]Header, 0, 24) // as many as browsers send, so that it seldom grows
	for more := json.open('{', '}'); more; more = json.more('}') {
		headers = append(headers, Header{json.key(), json.string()})
	}
	return headers
}

func readResponse(text string) Response {
	var response Response
	var hasStatus bool
	json := newJSONReader(text)
	for more := json.open('{', '}'); more; more = json.more('}') {
		switch json.key() {
		case "status":
			response.status, hasStatus = json.uint16(), true
		default:
			json.skip()
		}
	}
	json.end()
	if !hasStatus {
		panic("the event lacks status")
	}
	return response
}

// lowerASCII leaves all but A to Z alone, as HTTP compares names. (strings.ToLower would take the Kelvin sign for a k.)
func lowerASCII(text string) string {
	at := 0
	for at < len(text) && !isCapital(text[at]) {
		at++
	}
	if at == len(text) {
		return text
	}
	lower := []byte(text)
	for i, c := range lower {
		if isCapital(c) {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	return string(lower)
}

func isCapital(c byte) bool {
	return 'A' <= c && c <= 'Z'
}
