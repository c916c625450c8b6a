package main

import (
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

const maxDepth = 64

// A jsonReader reads strict JSON. Whatever is not JSON, or not of the kind asked for, panics. (encoding/json would do
// the same and more, for another megabyte of module.)
//
// An object is read by: for more := r.open('{', '}'); more; more = r.more('}') { key := r.key(); ...its value... }
type jsonReader struct {
	text string
	at   int
}

func newJSONReader(text string) jsonReader {
	if !utf8.ValidString(text) {
		panic("the event is not UTF-8")
	}
	return jsonReader{text: text}
}

// peek is 0 at the end: no rule of JSON accepts 0, so it fails wherever more text is needed.
func (r *jsonReader) peek() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

func (r *jsonReader) skipSpace() {
	for isSpace(r.peek()) {
		r.at++
	}
}

func isSpace(c byte) bool {
	return c <= ' ' && (c == ' ' || c == '\t' || c == '\n' || c == '\r')
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

// string copies only what has escapes; other strings are parts of the text.
func (r *jsonReader) string() string {
	r.skipSpace()
	r.expect('"')
	plain := r.plain()
	if r.accept('"') {
		return plain
	}
	return r.unescape(plain)
}

// plain reads the part of a string that means itself.
func (r *jsonReader) plain() string {
	start := r.at
	r.at += plainLength(r.text[start:])
	return r.text[start:r.at]
}

// unescape reads on from the first escape to the closing quote.
func (r *jsonReader) unescape(start string) string {
	out := []byte(start)
	for !r.accept('"') {
		if !r.accept('\\') {
			panic("the event has a string that does not end, or a control character in one")
		}
		out = utf8.AppendRune(out, r.escape())
		out = append(out, r.plain()...)
	}
	return string(out)
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
	for {
		plain := plainLength(text)
		out = append(out, text[:plain]...)
		if plain == len(text) {
			return append(out, '"')
		}
		if c := text[plain]; c < ' ' {
			out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		} else {
			out = append(out, '\\', c)
		}
		text = text[plain+1:]
	}
}

// plainLength says how much of a text comes before the first quote, backslash or control character. It takes eight
// bytes at a time, because every turn of a loop is dear in WebAssembly made by Go.
func plainLength(text string) int {
	rest := text
	for len(rest) >= 8 {
		eight := firstEight(rest)
		if found := bytesBelow(eight, ' ') | bytesBelow(eight^each*'"', 1) | bytesBelow(eight^each*'\\', 1); found != 0 {
			return len(text) - len(rest) + bits.TrailingZeros64(found)/8
		}
		rest = rest[8:]
	}
	at := len(text) - len(rest)
	for at < len(text) && text[at] >= ' ' && text[at] != '"' && text[at] != '\\' {
		at++
	}
	return at
}

const each = 0x0101010101010101

// bytesBelow marks bytes below a limit by their highest bit. Only the lowest mark is sure: a borrow may set more above.
func bytesBelow(eight, limit uint64) uint64 {
	return (eight - each*limit) & ^eight & (each << 7)
}

// firstEight compiles to one load.
func firstEight(text string) uint64 {
	return uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24 |
		uint64(text[4])<<32 | uint64(text[5])<<40 | uint64(text[6])<<48 | uint64(text[7])<<56
}
