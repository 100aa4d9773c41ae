package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFindings(t *testing.T) {
	t.Parallel()
	const out = `{"config":{"scanner_name":"govulncheck"}}
{"progress":{"message":"Scanning"}}
{"osv":{"id":"GO-1-1"}}
{"finding":{"osv":"GO-1-1","fixed_version":"v1.2.0","trace":[{"module":"a.b/c","version":"v1.0.0"}]}}
{"finding":{"osv":"GO-1-1","fixed_version":"v1.2.0","trace":[{"module":"a.b/c","version":"v1.0.0","package":"a.b/c/d","function":"F"},{"module":"juicefs"}]}}
{"finding":{"osv":"GO-1-1","fixed_version":"v1.2.0","trace":[{"module":"a.b/c","version":"v1.0.0","package":"a.b/c/d"}]}}
{"finding":{"osv":"GO-1-2","trace":[{"module":"e.f/g","version":"v0.1.0","package":"e.f/g"}]}}
`
	got, err := findings([]byte(out))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]finding{
		"GO-1-1": {module: "a.b/c", version: "v1.0.0", fixed: "v1.2.0", reach: called},
		"GO-1-2": {module: "e.f/g", version: "v0.1.0", reach: imported},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(finding{})); diff != "" {
		t.Error(diff)
	}
	for name, out := range map[string]string{"nothing": "", "cut": `{"config":{}} {"finding":`, "no scan": `{"osv":{}}`} {
		if got, err := findings([]byte(out)); err == nil {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestMentions(t *testing.T) {
	t.Parallel()
	for page, want := range map[string]bool{"": false, "GO-2026-12": true, "(GO-2026-12)": true, "GO-2026-123": false, "GO-2026-123, GO-2026-12.": true} {
		if got := mentions(page, "GO-2026-12"); got != want {
			t.Errorf("%q: %v", page, got)
		}
	}
}
