package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

// A service in the background that has blocks to upload first is waited for.
func TestPatience(t *testing.T) {
	p := &program{log: slog.New(slog.DiscardHandler)}
	one, two := t.TempDir(), t.TempDir()
	o := &serviceOptions{cache: cacheOptions{dirs: []string{one, two}}}
	if got, err := p.patience(t.Context(), o, "u"); got != startTime || err != nil {
		t.Errorf("without blocks: %v, %v", got, err)
	}
	block := filepath.Join(two, "u", "rawstaging", "chunks", "0", "0", "1_0_3")
	if err := errors.Join(os.MkdirAll(filepath.Dir(block), 0o700), os.WriteFile(block, []byte("abc"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if got, err := p.patience(t.Context(), o, "u"); got != uploadTime || err != nil {
		t.Errorf("with a block: %v, %v", got, err)
	}
	if got, err := p.patience(t.Context(), o, "other"); got != startTime || err != nil {
		t.Errorf("with one of another volume: %v, %v", got, err)
	}
	o.readOnly = true
	if got, err := p.patience(t.Context(), o, "u"); got != startTime || err != nil {
		t.Errorf("a service that may not upload: %v, %v", got, err)
	}
}
