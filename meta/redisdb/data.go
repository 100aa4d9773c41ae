package redisdb

import (
	"context"
	"fmt"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// dataMost is how many chunks are read by one script at most.
const dataMost = 1000

// Data reads the chunks of files and the reference counts of their slices in one turnaround. It declines if there are too many,
// or any behind the length of a file.
func (t scripted) Data(ctx context.Context, files []engine.Range) ([]record.Item, error) {
	if err := t.start(ctx); err != nil {
		return nil, err
	}
	a := t.e.args()
	a.str(t.e.prefix)
	a.uint(beyond)
	chunks := uint64(0)
	for _, r := range files {
		if r.Kind != record.KindChunk || r.Below == 0 || r.After.Kind != 0 {
			return nil, fmt.Errorf("data of %s: %w", r.Kind, errUnsupported)
		}
		if r.Below > dataMost {
			return nil, nil
		}
		chunks += r.Below
		a.uint(r.A)
		a.uint(r.Below)
	}
	if chunks > dataMost || len(files) == 0 {
		return nil, nil
	}
	items, err := t.data(ctx, files, a)
	if err != nil {
		return nil, readErr(ctx, "data", err)
	}
	for _, it := range items {
		t.guard(it.Key, engine.Exact, it.Value)
	}
	return items, nil
}

func (t scripted) data(ctx context.Context, files []engine.Range, a *args) ([]record.Item, error) {
	c, err := t.e.source.master(ctx)
	if err != nil {
		return nil, err
	}
	r, err := dataScript.read(ctx, t.e, c, a)
	if err != nil {
		return nil, err
	}
	if n, bad := r.array(); bad != nil || n < 0 {
		return nil, bad
	}
	chunks, err := r.bulks()
	if err != nil {
		return nil, err
	}
	refs, err := r.bulks()
	if err != nil {
		return nil, err
	}
	return readData(files, chunks, refs)
}

// readData takes the script's answer apart.
func readData(files []engine.Range, chunks, refs [][]byte) ([]record.Item, error) {
	items := make([]record.Item, 0, len(chunks)+len(refs))
	seen := make(map[record.Key]bool, len(refs))
	for _, f := range files {
		for index := range f.Below {
			if len(chunks) == 0 {
				return nil, fmt.Errorf("%w: not all chunks", errReply)
			}
			b := chunks[0]
			if chunks = chunks[1:]; len(b) == 0 {
				continue
			}
			items = append(items, record.Item{Key: record.ChunkKey(record.Ino(f.A), uint32(index)), Value: b})
			ss, err := record.DecodeSlices(b)
			if err != nil {
				return nil, err
			}
			for _, s := range ss {
				if s.ID == 0 {
					continue
				}
				if len(refs) == 0 {
					return nil, fmt.Errorf("%w: not all references", errReply)
				}
				k := record.SliceRefKey(s.ID, s.Size)
				v, err := canonical(k, refs[0])
				if err != nil {
					return nil, err
				}
				if refs = refs[1:]; !seen[k] {
					seen[k] = true
					items = append(items, record.Item{Key: k, Value: v})
				}
			}
		}
	}
	return items, nil
}
