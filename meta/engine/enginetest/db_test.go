package enginetest

import (
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// TestDiffTellsWhatDiffers holds that the short way to say that answers are equal says so of no others.
func TestDiffTellsWhatDiffers(t *testing.T) {
	page := func(change func(*engine.Looked)) *engine.Looked {
		l := &engine.Looked{Count: 2}
		l.From = record.Item{Key: record.AttrKey(1), Value: []byte{1, 2}}
		for _, name := range []string{"a", "b"} {
			l.Inside = append(l.Inside, engine.Inside{Entry: record.Item{Key: record.EntryKey(1, name), Value: []byte(name)},
				Xattrs: []record.Item{{Key: record.XattrKey(2, "x"), Value: []byte("v")}}})
		}
		change(l)
		return l
	}
	same := func(*engine.Looked) {}
	for _, c := range []struct {
		name   string
		change func(*engine.Looked)
		differ bool
	}{
		{"nothing", same, false},
		{"empty for absent", func(l *engine.Looked) { l.Attrs, l.Inside[0].Chunks = []record.Item{}, []record.Item{} }, false},
		{"a number", func(l *engine.Looked) { l.Count++ }, true},
		{"a value", func(l *engine.Looked) { l.Inside[1].Entry.Value = []byte("c") }, true},
		{"a shorter value", func(l *engine.Looked) { l.From.Value = []byte{1} }, true},
		{"a name", func(l *engine.Looked) { l.Inside[0].Xattrs[0].Key.Name = "y" }, true},
		{"one fewer", func(l *engine.Looked) { l.Inside = l.Inside[:1] }, true},
		{"one more", func(l *engine.Looked) { l.Inside = append(l.Inside, l.Inside[0]) }, true},
		{"none at all", func(l *engine.Looked) { l.Inside = nil }, true},
	} {
		if got := diff(page(same), page(c.change)) != ""; got != c.differ {
			t.Errorf("%s: differs %v, want %v", c.name, got, c.differ)
		}
	}
	if diff((*engine.Looked)(nil), page(same)) == "" || diff([]int{1}, []string{"1"}) == "" {
		t.Error("nothing is like something, or one type like another")
	}
}
