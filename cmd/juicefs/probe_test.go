package main

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"juicefs/pkg/object"
	"juicefs/pkg/object/mem"
)

// shaky is a bucket whose first puts fail.
type shaky struct {
	object.Bucket
	failures int
	err      error
	puts     int
}

func (s *shaky) Put(ctx context.Context, key string, body object.Body) error {
	if s.puts++; s.puts <= s.failures {
		return s.err
	}
	return s.Bucket.Put(ctx, key, body)
}

func TestProbe(t *testing.T) {
	waits := []time.Duration{time.Millisecond, time.Millisecond}
	tests := []struct {
		name     string
		failures int
		err      error
		wantPuts int
		ok       bool
	}{
		{"a store that works", 0, nil, 1, true},
		{"a store that works in the end", 2, errors.New("not yet"), 3, true},
		{"a store that does not work", 9, errors.New("no"), 3, false},
		{"a store that refuses", 9, errors.New("access denied"), 1, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := &shaky{Bucket: mem.New(), failures: tt.failures, err: tt.err}
			p := &program{log: slog.New(slog.DiscardHandler)}
			err := p.probe(t.Context(), b, waits)
			if (err == nil) != tt.ok || b.puts != tt.wantPuts {
				t.Errorf("%d puts, %v, want %d", b.puts, err, tt.wantPuts)
			}
			if left, err := b.List(t.Context(), "", "", 10); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}
