// The module's side of the JSON ABI: memory for the host, JSON in, JSON out.
//
// Every failure panics, which ends the module: the host then answers by its own policy (--fail-open or not). Answering
// 0 instead would mean "allow".
package main

import "unsafe"

// The host calls the exports below; there is no program to run.
func main() {}

// lent keeps the garbage collector off what the host holds, until the host gives it back.
var lent = map[uintptr][]byte{}

func lend(bytes []byte) uintptr {
	pointer := uintptr(unsafe.Pointer(unsafe.SliceData(bytes)))
	lent[pointer] = bytes
	return pointer
}

//go:wasmexport alloc
func alloc(size uint32) uint32 {
	// At least one byte: pointers to nothing are all the same.
	return uint32(lend(make([]byte, max(size, 1))))
}

//go:wasmexport dealloc
func dealloc(pointer, size uint32) {
	delete(lent, uintptr(pointer))
}

//go:wasmexport on_request_headers
func onRequestHeaders(pointer, size uint32) uint64 {
	return answer(onRequest(readRequest(input(pointer, size))))
}

//go:wasmexport on_response_headers
func onResponseHeaders(pointer, size uint32) uint64 {
	return answer(onResponse(readResponse(input(pointer, size))))
}

func input(pointer, size uint32) []byte {
	return lent[uintptr(pointer)][:size]
}

func answer(verdict Verdict) uint64 {
	json := verdict.appendJSON(nil)
	return uint64(lend(json))<<32 | uint64(len(json))
}
