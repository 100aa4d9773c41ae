package mem_test

import (
	"testing"

	"juicefs/pkg/object"
	"juicefs/pkg/object/mem"
	"juicefs/pkg/object/objecttest"
)

func TestConformance(t *testing.T) {
	objecttest.Run(t, func(testing.TB) object.Bucket { return mem.New() })
}

func BenchmarkBucket(b *testing.B) {
	objecttest.Bench(b, func(testing.TB) object.Bucket { return mem.New() })
}
