package redisdb_test

import (
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/pkg/tests/redistest"
)

// TestMuchIsGatheredInSteps has more quotas than are read at once, and then few again.
func TestMuchIsGatheredInSteps(t *testing.T) {
	m := through(t, redistest.Start(t), 1)
	m.LimitGather(3)
	gather := func(want int) func() error {
		return func() error {
			items, err := m.Gather(t.Context(), []record.Key{record.SettingKey()}, []record.Kind{record.KindQuota, record.KindSession})
			if err == nil && len(items) != want {
				t.Errorf("%d records, want %d", len(items), want)
			}
			return err
		}
	}
	commit(t, m, []engine.Write{{Op: engine.Put, Key: record.SettingKey(), Value: []byte("{}")}, {Op: engine.Put, Key: record.SessionKey(1), Value: record.Session{Expire: 9}.Encode()}})
	m.costs(t, "few", 1, gather(2))
	quota := func(n uint64) record.Key { return record.QuotaKey(record.QuotaUser, n) }
	var ws, gone []engine.Write
	for n := range uint64(10) {
		ws = append(ws, engine.Write{Op: engine.Put, Key: quota(n), Value: record.Quota{MaxSpace: 1, MaxInodes: 2}.Encode()})
		gone = append(gone, engine.Write{Op: engine.Delete, Key: quota(n)})
	}
	commit(t, m, ws)
	// A step for each hash that says whether there are records, one for the sessions, and one for each kind's records.
	m.costs(t, "many", 1+6+1+1+1, gather(12))
	commit(t, m, gone)
	m.costs(t, "few again", 1, gather(2))
}
