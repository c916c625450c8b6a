// Runs the conformance kit of http-wasm-host-go against a server that somebody else has started.
package kit

import (
	"net/http"
	"os"
	"testing"

	"github.com/http-wasm/http-wasm-host-go/tck"
)

// TestKit starts the kit's upstream at BACKEND and asks FRONT, which must have the kit's guest in front of it.
func TestKit(t *testing.T) {
	backend := tck.StartBackend(os.Getenv("BACKEND"))
	t.Cleanup(backend.Close)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Run("kit", func(t *testing.T) { tck.Run(t, client, os.Getenv("FRONT")) })
}
