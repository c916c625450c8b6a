// The module's side of the JSON ABI: memory for the host, JSON in, JSON out.
//
// Every failure panics, which ends the module: the host then answers by its own policy (--fail-open or not). Answering
// 0 instead would mean "allow".
package main

import (
	"slices"
	"unsafe"
)

// The host calls the exports below; there is no program to run.
func main() {}

// lent keeps the garbage collector off what the host holds, until the host gives it back. The host holds few at a time.
var lent [][]byte

func lend(bytes []byte) uint32 {
	lent = append(lent, bytes)
	return address(bytes)
}

func address(bytes []byte) uint32 {
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(bytes))))
}

func startsAt(pointer uint32) func([]byte) bool {
	return func(bytes []byte) bool { return address(bytes) == pointer }
}

//go:wasmexport alloc
func alloc(size uint32) uint32 {
	// At least one byte: pointers to nothing are all the same.
	return lend(make([]byte, max(size, 1)))
}

//go:wasmexport dealloc
func dealloc(pointer, size uint32) {
	lent = slices.DeleteFunc(lent, startsAt(pointer))
}

//go:wasmexport on_request_headers
func onRequestHeaders(pointer, size uint32) uint64 {
	return answer(onRequest(readRequest(input(pointer, size))))
}

//go:wasmexport on_response_headers
func onResponseHeaders(pointer, size uint32) uint64 {
	return answer(onResponse(readResponse(input(pointer, size))))
}

// input needs no copy: the host writes to a buffer only before the call, and alloc never hands out the same one again.
// Nothing has no address.
func input(pointer, size uint32) string {
	if size == 0 {
		return ""
	}
	i := slices.IndexFunc(lent, startsAt(pointer))
	return unsafe.String(unsafe.SliceData(lent[i][:size]), size)
}

func answer(verdict Verdict) uint64 {
	json := verdict.appendJSON(make([]byte, 0, 256))
	return uint64(lend(json))<<32 | uint64(len(json))
}
