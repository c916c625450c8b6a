// Times handler calls of http-wasm guests in their Go host (wazero), as lines of JSON: a name and nanoseconds a call.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"syscall"
	"time"

	nethttp "github.com/http-wasm/http-wasm-host-go/handler/nethttp"
)

// benchmark is one guest with one request, as bench.ts writes them.
type benchmark struct {
	Name    string
	Path    string
	Method  string
	URI     string
	Headers map[string][]string
	Body    string
}

type writer struct{ header http.Header }

func (w writer) Header() http.Header         { return w.header }
func (w writer) Write(b []byte) (int, error) { return len(b), nil }
func (w writer) WriteHeader(status int) {
	if status == 500 {
		panic("the guest failed")
	}
}

// processorTime is that of all threads: a busy machine does not count.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func main() {
	var benchmarks []benchmark
	if err := json.NewDecoder(os.Stdin).Decode(&benchmarks); err != nil {
		panic(err)
	}
	duration := 200 * time.Millisecond
	for _, b := range benchmarks {
		best := run(b, duration)
		out, _ := json.Marshal(map[string]any{"name": b.Name, "ns": best})
		os.Stdout.Write(append(out, '\n'))
	}
}

func run(b benchmark, duration time.Duration) float64 {
	ctx := context.Background()
	bin, err := os.ReadFile(b.Path)
	if err != nil {
		panic(err)
	}
	mw, err := nethttp.NewMiddleware(ctx, bin)
	if err != nil {
		panic(err)
	}
	defer mw.Close(ctx)
	h := mw.NewHandler(ctx, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	request, err := http.NewRequest(b.Method, "http://localhost"+b.URI, nil)
	if err != nil {
		panic(err)
	}
	request.Header = b.Headers
	body := []byte(b.Body)
	reader := bytes.NewReader(body)
	closer := io.NopCloser(reader)
	call := func(n int) time.Duration {
		start := processorTime()
		for i := 0; i < n; i++ {
			if len(body) > 0 {
				reader.Reset(body)
				request.Body = closer
			} else {
				request.Body = http.NoBody
			}
			h.ServeHTTP(writer{header: http.Header{}}, request)
		}
		return processorTime() - start
	}
	// The best of five stretches, after one that warms up.
	n := 1000
	for call(n) < duration/5 {
		n *= 2
	}
	best := 0.0
	for i := 0; i < 5; i++ {
		ns := float64(call(n).Nanoseconds()) / float64(n)
		if best == 0 || ns < best {
			best = ns
		}
	}
	return best
}
