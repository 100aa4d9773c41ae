package enginetest

import (
	"maps"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// testGather compares what is gathered with what scans find: of an empty database, and of one with some of everything.
func testGather(t *testing.T, d *db) {
	g, ok := d.e.(engine.Gatherer)
	if !ok {
		t.Log("the engine has no Gatherer")
		return
	}
	kinds := []record.Kind{record.KindQuota, record.KindSession}
	compare := func(when string) {
		t.Helper()
		want := map[record.Key][]byte{}
		for _, kind := range append(kinds, record.KindSetting) {
			maps.Copy(want, d.scan(engine.Range{Kind: kind, All: true}))
		}
		items, err := g.Gather(t.Context(), []record.Key{record.SettingKey(), record.AttrKey(12345678)}, kinds)
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		got := map[record.Key][]byte{}
		for _, it := range items {
			got[it.Key] = it.Value
		}
		if len(items) != len(want) || !equalDumps(got, want) {
			t.Errorf("%s: gathered %v, want %v", when, items, want)
		}
	}
	compare("empty")
	for _, it := range samples() {
		d.commit(put(it.Key, it.Value))
	}
	compare("some of everything")
	compare("again")
	if _, err := g.Gather(t.Context(), nil, []record.Kind{record.KindEntry}); err == nil {
		t.Error("all entries of a volume were gathered")
	}
}
