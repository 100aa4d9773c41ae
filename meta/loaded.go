package meta

import (
	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// loaded is a value that was read, with the guard that the engine holds on it.
type loaded struct {
	value []byte
	guard engine.Guard
}

// manyLoaded is from how many records on they are found through a map. Most transactions read some ten: a path and what it
// leads to. Looking through so few is as fast, and the map alone took 3 KiB of the 5 that a transaction allocated.
const manyLoaded = 16

// loadedSet is what a transaction has read. The zero value is empty.
type loadedSet struct {
	few  []loadedRecord // nil once there are many
	many map[record.Key]loaded
}

type loadedRecord struct {
	key record.Key
	loaded
}

// get returns what was read of a key.
func (s *loadedSet) get(k record.Key) (loaded, bool) {
	if s.many != nil {
		l, ok := s.many[k]
		return l, ok
	}
	for i := range s.few {
		if s.few[i].key == k {
			return s.few[i].loaded, true
		}
	}
	return loaded{}, false
}

// set keeps what was read of a key, in place of what was kept.
func (s *loadedSet) set(k record.Key, l loaded) {
	if s.many != nil {
		s.many[k] = l
		return
	}
	for i := range s.few {
		if s.few[i].key == k {
			s.few[i].loaded = l
			return
		}
	}
	if len(s.few) < manyLoaded {
		if s.few == nil {
			s.few = make([]loadedRecord, 0, manyLoaded)
		}
		s.few = append(s.few, loadedRecord{k, l})
		return
	}
	s.spread(4 * manyLoaded)
	s.many[k] = l
}

// spread goes over to the map, with room for n.
func (s *loadedSet) spread(n int) {
	s.many = make(map[record.Key]loaded, n)
	for i := range s.few {
		s.many[s.few[i].key] = s.few[i].loaded
	}
	s.few = nil
}

// reserve makes room for n records that are about to be read.
func (s *loadedSet) reserve(n int) {
	if n > manyLoaded && s.many == nil {
		s.spread(n + len(s.few))
	}
}

// empty reports whether nothing was read.
func (s *loadedSet) empty() bool { return s.few == nil && s.many == nil }

// keep puts a value into a map that is made when it is needed: most transactions do not need most of theirs.
func keep[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[k] = v
}
