package meta

import (
	"fmt"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// remember keeps a directory under a name and returns its inode.
func (m *routes) remember(dir record.Ino, name string, ino record.Ino, t record.Type) *place {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := record.Dirent{Type: t, Ino: ino}
	return m.keep(step{dir, name}, d, d.Encode(), (&record.Attr{Type: t, Parent: dir}).Encode())
}

func TestRoutesAreBounded(t *testing.T) {
	m := &routes{root: []byte("root")}
	m.init(3)
	m.remember(record.Root, "a", 2, record.TypeDirectory)
	for i := range record.Ino(100) {
		m.remember(2, fmt.Sprint(i), 10+i, record.TypeFile)
		if m.lead([]string{"a"}) != 2 { // which also counts as a use
			t.Fatal("a directory that is in use was forgotten")
		}
	}
	if len(m.known) != 3 || m.order.Len() != 3 {
		t.Errorf("%d names, %d in order, want 3", len(m.known), m.order.Len())
	}
	met := func(name string) []byte {
		w := m.recall([]string{"a", name})
		if w == nil {
			t.Fatal("the directory is not known")
		}
		return w.Entries[1].Value
	}
	if met("99") == nil || met("0") != nil {
		t.Error("not the names that were used last are remembered")
	}
	m.mu.Lock()
	m.forget(step{2, "99"})
	m.mu.Unlock()
	if met("99") != nil {
		t.Error("a name was not forgotten")
	}
	for _, path := range [][]string{{"b", "x"}, {"a", "98", "x"}} { // not known; no directory
		if w := m.recall(path); w != nil {
			t.Errorf("%q: %+v", path, w)
		}
	}
	if m.lead([]string{"a", "98"}) != 0 || m.lead([]string{"b"}) != 0 || m.lead(nil) != record.Root {
		t.Error("leads to the wrong directory")
	}
}

// TestDoubt has names turn out to be there that were not remembered, and others not.
func TestDoubt(t *testing.T) {
	m := &routes{root: []byte("root")}
	m.init(10)
	a, b := m.remember(record.Root, "a", 2, record.TypeDirectory), m.remember(record.Root, "b", 3, record.TypeDirectory)
	guesses := func(path ...string) bool { return m.recall(path) != nil }
	want := []bool{true, false, false, false, false, true, true, true}
	for i, there := range []bool{true, true, true, true, false, false, false, false} {
		if m.learn(a, there); guesses("a", "x") != want[i] {
			t.Errorf("step %d: guesses %v", i, !want[i])
		}
		if !guesses("b", "x") || !guesses("x") {
			t.Errorf("step %d: another directory is in doubt", i)
		}
	}
	m.learn(b, true)
	m.learn(b, true)
	if b = m.remember(record.Root, "b", 3, record.TypeFile); b.doubt != 2 {
		t.Error("what changes about a directory takes the doubt away")
	}
	if b = m.remember(record.Root, "b", 4, record.TypeDirectory); b.doubt != 0 {
		t.Error("doubt is about another directory")
	}
	m.learn(nil, true)
	m.learn(nil, true)
	if guesses("x") || !guesses("b", "x") {
		t.Error("doubt about names in the root")
	}
}

func TestWhatIsRemembered(t *testing.T) {
	for _, c := range []struct {
		info         engine.Info
		wanted, want int
	}{{engine.Info{}, 0, 0}, {engine.Info{Remote: true}, 0, rememberedNames}, {engine.Info{Remote: true}, -1, 0}, {engine.Info{}, 7, 7}, {engine.Info{Remote: true}, 7, 7}} {
		if got := rememberable(c.info, c.wanted); got != c.want {
			t.Errorf("%+v, %d: %d names, want %d", c.info, c.wanted, got, c.want)
		}
	}
}
