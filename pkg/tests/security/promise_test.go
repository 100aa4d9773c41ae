package security

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"juicefs/pkg/tests/oracle"
)

// TestPromises: replies that say that something was done, or checked, which was not.
func TestPromises(t *testing.T) {
	t.Parallel()
	try(t, many, []attack{
		{"S13 an object is replaced although it must not exist", func(s *side) bool {
			s.bucket("s13")
			s.put("s13", "k", "first")
			s.send(root, http.MethodPut, "s13/k", []byte("second"), "If-None-Match", "*")
			return s.has("s13", "k", "second")
		}},
		{"S13 an object is removed although it has changed", func(s *side) bool {
			s.bucket("s13b")
			s.put("s13b", "k", "data")
			s.send(root, http.MethodDelete, "s13b/k", nil, "If-Match", `"0123456789abcdef0123456789abcdef"`)
			return !s.has("s13b", "k", "data")
		}},
		{"S14 data that is not what its checksum says", func(s *side) bool {
			s.bucket("s14")
			return s.send(root, http.MethodPut, "s14/k", []byte("data"), "X-Amz-Checksum-Crc32", "AAAAAA==").ok()
		}},
		{"S22 any web page may read with credentials", func(s *side) bool {
			s.bucket("s22")
			s.put("s22", "k", "data")
			a := s.send(root, http.MethodGet, "s22/k", nil, "Origin", "https://evil.example")
			origin := a.header.Get("Access-Control-Allow-Origin")
			return a.ok() && (origin == "*" || origin == "https://evil.example") && a.header.Get("Access-Control-Allow-Credentials") == "true"
		}},
		{"S23 a removal that removed nothing", func(s *side) bool {
			s.bucket("s23")
			s.put("s23", "k", "data")
			only := &side{s.t, oracle.Start(s.t, s.g.Program, s.g.Volume, oracle.GatewayOptions{Flags: append([]string{"--read-only"}, many...)})}
			return only.send(root, http.MethodDelete, "s23/k", nil).ok() && s.has("s23", "k", "data")
		}},
	})
}

// TestS19ProfilingServer: whoever has an account of the machine may ask the original's gateway for its memory, and for its
// command line with the address of the metadata.
func TestS19ProfilingServer(t *testing.T) {
	t.Parallel()
	c := &http.Client{Timeout: time.Second}
	profiled := func(p oracle.Program) bool {
		v := oracle.Format(t, p, oracle.FormatOptions{Name: "vol1"})
		oracle.Start(t, p, v, oracle.GatewayOptions{Flags: many, Agent: true})
		for port := 6060; port < 6100; port++ {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/debug/pprof/cmdline", port), nil)
			must(t, err)
			resp, err := c.Do(req)
			if err != nil {
				continue // nobody, or somebody else
			}
			line, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
			must(t, resp.Body.Close())
			if err == nil && strings.Contains(string(line), v.Meta) {
				return true
			}
		}
		return false
	}
	if !profiled(oracle.Real(t)) {
		t.Error("the original has no profiling server: this shows nothing")
	}
	if profiled(oracle.Ours(t)) {
		t.Error("anybody may profile this gateway")
	}
}
