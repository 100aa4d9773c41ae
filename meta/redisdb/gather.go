package redisdb

import (
	"context"
	"fmt"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

var _ engine.Gatherer = (*Engine)(nil)

// maxGathered is how many records of whole kinds are asked for at once: more would hold the server up, and are scanned.
const maxGathered = 10000

// Gather reads what a heartbeat looks at in one turnaround, as long as it is not too much.
func (e *Engine) Gather(ctx context.Context, keys []record.Key, kinds []record.Kind) ([]record.Item, error) {
	for _, k := range kinds {
		if len(wholes(k)) == 0 {
			return nil, fmt.Errorf("gather %s: %w", k, errUnsupported)
		}
	}
	var items []record.Item
	var err error
	if e.gathered.Load() > e.gatherMost {
		items, err = e.gatherSlowly(ctx, keys, kinds)
	} else {
		items, err = e.gatherAtOnce(ctx, keys, kinds)
	}
	if err != nil {
		return nil, readErr(ctx, "gather", err)
	}
	e.gathered.Store(int64(len(items)))
	return items, nil
}

func (e *Engine) gatherAtOnce(ctx context.Context, keys []record.Key, kinds []record.Kind) ([]record.Item, error) {
	f := newFetcher(e, len(keys))
	for _, k := range keys {
		if err := f.add(k); err != nil {
			return nil, err
		}
	}
	own := len(f.commands)
	for _, k := range kinds {
		for _, name := range wholes(k) {
			f.whole(name)
		}
	}
	if len(f.commands) == 0 {
		return nil, nil
	}
	replies, err := e.many(ctx, f.commands)
	if err != nil {
		return nil, err
	}
	var items []record.Item
	add := func(it record.Item) {
		if it.Value != nil {
			items = append(items, it)
		}
	}
	if err := f.decode(replies[:own], func(_ int, k record.Key, v []byte) error {
		add(record.Item{Key: k, Value: v})
		return nil
	}); err != nil {
		return nil, err
	}
	whole := replies[own:]
	for _, k := range kinds {
		n := len(wholes(k))
		fields, err := tables(whole[:n])
		if err == nil {
			err = gathered(k, fields, add)
		}
		if err != nil {
			return nil, err
		}
		whole = whole[n:]
	}
	return items, nil
}

// whole adds the command that reads all of a hash or of the sorted set of sessions.
func (f *fetcher) whole(name string) {
	if name != expiryName {
		f.command("HGETALL", flatMap).name(name)
		return
	}
	a := f.command("ZRANGE", flatMap)
	a.name(name)
	a.str("0")
	a.str("-1")
	a.str("WITHSCORES")
}

// gatherSlowly is Gather in steps.
func (e *Engine) gatherSlowly(ctx context.Context, keys []record.Key, kinds []record.Kind) ([]record.Item, error) {
	items, err := e.existing(ctx, keys)
	if err != nil {
		return nil, err
	}
	for _, k := range kinds {
		for it, err := range e.Scan(ctx, engine.Range{Kind: k, All: true}) {
			if err != nil {
				return nil, err
			}
			items = append(items, it)
		}
	}
	return items, nil
}

// wholes are the keys of the server that hold all records of a kind that can be gathered.
func wholes(k record.Kind) []string {
	switch k {
	case record.KindSession:
		return []string{expiryName, infoName}
	case record.KindQuota:
		var names []string
		for t := record.QuotaDir; t <= record.QuotaGroup; t++ {
			of := quotaNames(t)
			names = append(names, of[:]...)
		}
		return names
	}
	return nil
}

// tables makes of each answer a table of fields.
func tables(replies []reply) ([]map[string][]byte, error) {
	all := make([]map[string][]byte, len(replies))
	for i := range replies {
		pairs, err := replies[i].bulks()
		if err != nil {
			return nil, err
		}
		all[i] = make(map[string][]byte, len(pairs)/2)
		for ; len(pairs) > 1; pairs = pairs[2:] {
			all[i][string(pairs[0])] = pairs[1]
		}
	}
	return all, nil
}

// gathered puts the records of a kind together.
func gathered(kind record.Kind, fields []map[string][]byte, add func(record.Item)) error {
	if kind == record.KindSession {
		for member, score := range fields[0] {
			k, ok := parseField(kind, 0, member)
			if !ok {
				continue
			}
			v, err := sessionValue(k, score, fields[1][member])
			if err != nil {
				return err
			}
			add(record.Item{Key: k, Value: v})
		}
		return nil
	}
	for t := record.QuotaDir; t <= record.QuotaGroup; t++ {
		of := fields[3*int(t) : 3*int(t)+3]
		for i, names := range []map[string][]byte{of[0], of[2]} {
			for name := range names {
				k, ok := parseField(kind, uint64(t), name)
				if _, seen := of[0][name]; !ok || i > 0 && seen {
					continue
				}
				v, err := quotaValue(k, [3][]byte{of[0][name], of[1][name], of[2][name]})
				if err != nil {
					return err
				}
				add(record.Item{Key: k, Value: v})
			}
		}
	}
	return nil
}
