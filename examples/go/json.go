package main

import (
	"unicode/utf16"
	"unicode/utf8"
)

const maxDepth = 64

// A jsonReader reads strict JSON. Whatever is not JSON, or not of the kind asked for, panics. (encoding/json would do
// the same and more, for another megabyte of module.)
//
// An object is read by: for more := r.open('{', '}'); more; more = r.more('}') { key := r.key(); ...its value... }
type jsonReader struct {
	text []byte
	at   int
}

// peek is 0 at the end: no rule of JSON accepts 0, so it fails wherever more text is needed.
func (r *jsonReader) peek() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

func (r *jsonReader) skipSpace() {
	for c := r.peek(); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = r.peek() {
		r.at++
	}
}

func (r *jsonReader) accept(c byte) bool {
	if r.peek() != c {
		return false
	}
	r.at++
	return true
}

func (r *jsonReader) expect(c byte) {
	if !r.accept(c) {
		panic("the event is not the JSON it should be: expected " + string(rune(c)))
	}
}

func (r *jsonReader) open(opening, closing byte) bool {
	r.skipSpace()
	r.expect(opening)
	r.skipSpace()
	return !r.accept(closing)
}

func (r *jsonReader) more(closing byte) bool {
	r.skipSpace()
	if r.accept(closing) {
		return false
	}
	r.expect(',')
	return true
}

func (r *jsonReader) key() string {
	key := r.string()
	r.skipSpace()
	r.expect(':')
	return key
}

func (r *jsonReader) end() {
	r.skipSpace()
	if r.at != len(r.text) {
		panic("the event has text behind its end")
	}
}

func (r *jsonReader) string() string {
	r.skipSpace()
	r.expect('"')
	start := r.at
	var out []byte // what was unescaped so far
	for {
		c := r.peek()
		switch {
		case c < ' ':
			panic("the event has a string that does not end, or a control character in one")
		case c == '"':
			if rest := r.text[start:r.at]; out == nil {
				out = rest
			} else {
				out = append(out, rest...)
			}
			r.at++
			if !utf8.Valid(out) {
				panic("the event is not UTF-8")
			}
			return string(out)
		case c == '\\':
			out = append(out, r.text[start:r.at]...)
			r.at++
			out = utf8.AppendRune(out, r.escape())
			start = r.at
		default:
			r.at++
		}
	}
}

func (r *jsonReader) escape() rune {
	c := r.peek()
	r.at++
	switch c {
	case '"', '\\', '/':
		return rune(c)
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'u':
		unit := r.hex4()
		if !utf16.IsSurrogate(unit) {
			return unit
		}
		r.expect('\\')
		r.expect('u')
		if pair := utf16.DecodeRune(unit, r.hex4()); pair != utf8.RuneError {
			return pair
		}
		panic("the event has a lone surrogate")
	}
	panic("the event has an unknown escape")
}

func (r *jsonReader) hex4() rune {
	var unit rune
	for range 4 {
		c := r.peek()
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			panic("the event has an escape without four hexadecimal digits")
		}
		unit = unit<<4 | rune(c)
		r.at++
	}
	return unit
}

func (r *jsonReader) uint16() int {
	r.skipSpace()
	start := r.at
	r.skipNumber()
	value := 0
	for _, c := range r.text[start:r.at] {
		if c < '0' || c > '9' {
			panic("the event has a number that is not whole and positive")
		}
		if value = value*10 + int(c-'0'); value > 65535 {
			panic("the event has a number that is too large")
		}
	}
	return value
}

func (r *jsonReader) skipNumber() {
	r.accept('-')
	if !r.accept('0') {
		r.skipDigits()
	}
	if r.accept('.') {
		r.skipDigits()
	}
	if r.accept('e') || r.accept('E') {
		if !r.accept('+') {
			r.accept('-')
		}
		r.skipDigits()
	}
}

func (r *jsonReader) skipDigits() {
	start := r.at
	for c := r.peek(); '0' <= c && c <= '9'; c = r.peek() {
		r.at++
	}
	if r.at == start {
		panic("the event is not the JSON it should be: expected a digit")
	}
}

func (r *jsonReader) skip() {
	r.skipNested(0)
}

func (r *jsonReader) skipNested(depth int) {
	if depth > maxDepth {
		panic("the event is nested too deeply")
	}
	r.skipSpace()
	switch r.peek() {
	case '{':
		for more := r.open('{', '}'); more; more = r.more('}') {
			r.key()
			r.skipNested(depth + 1)
		}
	case '[':
		for more := r.open('[', ']'); more; more = r.more(']') {
			r.skipNested(depth + 1)
		}
	case '"':
		r.string()
	case 't':
		r.skipWord("true")
	case 'f':
		r.skipWord("false")
	case 'n':
		r.skipWord("null")
	default:
		r.skipNumber()
	}
}

func (r *jsonReader) skipWord(word string) {
	for i := range len(word) {
		r.expect(word[i])
	}
}

func appendJSONString(out []byte, text string) []byte {
	const hex = "0123456789abcdef"
	out = append(out, '"')
	for i := range len(text) {
		c := text[i]
		switch {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c < ' ':
			out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			out = append(out, c)
		}
	}
	return append(out, '"')
}
