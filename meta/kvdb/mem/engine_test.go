package mem_test

import (
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/engine/enginetest"
	"juicefs/meta/kvdb/mem"
)

func open(tb testing.TB) engine.Engine {
	e, err := mem.Open(tb.Context(), engine.Options{Create: true})
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func TestEngine(t *testing.T) { enginetest.Run(t, open) }

func BenchmarkEngine(b *testing.B) { enginetest.Bench(b, open) }
