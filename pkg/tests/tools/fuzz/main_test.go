package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTargets(t *testing.T) {
	got := targets("FuzzAttr\nFuzzSlices\nok  \tjuicefs/meta/record\t0.01s\n")
	if d := cmp.Diff(got, []string{"FuzzAttr", "FuzzSlices"}); d != "" {
		t.Errorf("targets: -got +want\n%s", d)
	}
	if got := targets("?   \tjuicefs/pkg/buf\t[no test files]\n"); got != nil {
		t.Errorf("targets of a package without any: got %q, want none", got)
	}
}
