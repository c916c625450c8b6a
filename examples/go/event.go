package main

import "strings"

// A Request holds what a policy needs of a request. The host sends method and correlation_id too.
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

func readRequest(input []byte) Request {
	var request Request
	var hasURI, hasClientIP, hasHeaders bool
	json := jsonReader{text: input}
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
	var headers []Header
	for more := json.open('{', '}'); more; more = json.more('}') {
		headers = append(headers, Header{json.key(), json.string()})
	}
	return headers
}

func readResponse(input []byte) Response {
	var response Response
	var hasStatus bool
	json := jsonReader{text: input}
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
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r - 'A' + 'a'
		}
		return r
	}, text)
}
