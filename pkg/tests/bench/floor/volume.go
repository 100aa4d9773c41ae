package main

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"juicefs/chunk"
	"juicefs/gateway"
	"juicefs/meta"
	"juicefs/meta/engine"
	"juicefs/meta/kvdb/mem"
	"juicefs/meta/record"
	"juicefs/pkg/buf"
	objmem "juicefs/pkg/object/mem"
	"juicefs/vfs"
)

const (
	blockSize = 4 << 20
	poolSize  = 300 << 20 // as --buffer-size
)

// newGateway is the gateway's own layer, over a volume whose database and data are in memory.
func newGateway(ctx context.Context, o gateway.Options) (*gateway.Layer, error) {
	eng, err := mem.Open(ctx, engine.Options{Create: true})
	if err != nil {
		return nil, err
	}
	err = meta.Format(ctx, eng, &record.Setting{Name: "bench", UUID: uuid.NewString(), Storage: "mem", BlockSize: blockSize >> 10,
		Compression: "none", MetaVersion: 1, DirStats: true}, false)
	if err != nil {
		return nil, fmt.Errorf("format: %w", err)
	}
	pool := buf.NewPool(poolSize)
	store, err := chunk.New(objmem.New(), chunk.Options{BlockSize: blockSize, Pool: pool}) //nolint:contextcheck // it lives as long as the process
	if err != nil {
		return nil, err
	}
	fs, err := meta.Open(ctx, eng, meta.Options{DeleteSlice: func(ctx context.Context, s record.SliceID) error {
		return store.Remove(ctx, chunk.Ref{ID: s.ID, Size: s.Size})
	}})
	if err == nil {
		err = fs.StartSession(ctx)
	}
	if err != nil {
		return nil, err
	}
	v, err := vfs.Open(ctx, vfs.Config{FS: fs, Store: store, Pool: pool, Caller: meta.Caller{Umask: 0o022}, Local: true})
	if err != nil {
		return nil, err
	}
	return gateway.New(v, o), nil
}
