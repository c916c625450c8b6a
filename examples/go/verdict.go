package main

import "strconv"

// A Verdict is the answer to the host; the zero value allows and changes nothing.
type Verdict struct {
	status                int // 0: allow
	isRedirect            bool
	body                  string
	addRequestHeaders     []Header
	addResponseHeaders    []Header
	removeResponseHeaders []string
	tags                  []string
	replacesBody          bool
	replacement           string
	dropsFrame            bool
}

func (v Verdict) block(status int, body, tag string) Verdict {
	v.status, v.body = status, body
	v.tag(tag)
	return v
}

func (v Verdict) redirect(status int, location string) Verdict {
	v.status, v.body, v.isRedirect = status, location, true
	return v
}

// replaceBody puts a text in place of the bytes of a body event, where the event says `can_replace`.
func (v Verdict) replaceBody(text string) Verdict {
	v.replacesBody, v.replacement = true, text
	return v
}

// dropFrame lets a WebSocket frame go no further.
func (v Verdict) dropFrame() Verdict {
	v.dropsFrame = true
	return v
}

func (v *Verdict) tag(tag string) {
	v.tags = add(v.tags, tag)
}

func (v *Verdict) addRequestHeader(name, value string) {
	v.addRequestHeaders = add(v.addRequestHeaders, Header{name, value})
}

func (v *Verdict) addResponseHeader(name, value string) {
	v.addResponseHeaders = add(v.addResponseHeaders, Header{name, value})
}

func (v *Verdict) removeResponseHeader(name string) {
	v.removeResponseHeaders = add(v.removeResponseHeaders, name)
}

// add makes room for a few items at once: append alone would allocate for the first, the second and the third.
func add[T any](items []T, item T) []T {
	if items == nil {
		items = make([]T, 0, 4)
	}
	return append(items, item)
}

func (v Verdict) appendJSON(out []byte) []byte {
	if v.status == 0 {
		out = append(out, `{"decision":"allow"`...)
	} else {
		decision := "block"
		if v.isRedirect {
			decision = "redirect"
		}
		out = append(out, `{"decision":"`...)
		out = append(out, decision...)
		out = append(out, `","status":`...)
		out = strconv.AppendInt(out, int64(v.status), 10)
		out = append(out, `,"body":`...)
		out = appendJSONString(out, v.body)
	}
	out = appendHeaders(out, `,"add_request_headers":`, v.addRequestHeaders)
	out = appendHeaders(out, `,"add_response_headers":`, v.addResponseHeaders)
	out = appendList(out, `,"remove_response_headers":`, v.removeResponseHeaders)
	out = appendList(out, `,"tags":`, v.tags)
	if v.replacesBody {
		out = append(out, `,"replace_body":`...)
		out = appendJSONString(out, v.replacement)
	}
	if v.dropsFrame {
		out = append(out, `,"frame":"drop"`...)
	}
	return append(out, '}')
}

func appendHeaders(out []byte, key string, headers []Header) []byte {
	if len(headers) == 0 {
		return out
	}
	out = append(out, key...)
	separator := byte('{')
	for _, header := range headers {
		out = append(out, separator)
		out = appendJSONString(out, header.name)
		out = append(out, ':')
		out = appendJSONString(out, header.value)
		separator = ','
	}
	return append(out, '}')
}

func appendList(out []byte, key string, items []string) []byte {
	if len(items) == 0 {
		return out
	}
	out = append(out, key...)
	separator := byte('[')
	for _, item := range items {
		out = append(out, separator)
		out = appendJSONString(out, item)
		separator = ','
	}
	return append(out, ']')
}
