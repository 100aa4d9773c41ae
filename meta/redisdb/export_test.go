package redisdb

import "juicefs/meta/engine"

// What calls of the scripts look like on the wire, for tests that break them.
var (
	CommitHash = commitScript.hash
	WalkHash   = walkScript.hash
)

// SmallDir is how many entries a directory may have before its names are kept in memory.
const SmallDir = smallDir

// Kept returns how many directories have their names in memory.
func (e *Engine) Kept() int {
	e.index.mu.Lock()
	defer e.index.mu.Unlock()
	return len(e.index.dirs)
}

// LimitIndex sets how many bytes of names are kept.
func (e *Engine) LimitIndex(bytes int) { e.index.most = bytes }

// LimitGather sets how many records are gathered at once.
func (e *Engine) LimitGather(records int64) { e.gatherMost = records }

// Unordered makes the engine take its server for one that compares strings by its language.
func (e *Engine) Unordered() { e.ordered = false }

// ParseReply reads an answer as far as it goes, in every way.
func ParseReply(b []byte) {
	for _, read := range []func(*reply) error{
		func(r *reply) error { _, err := r.bulk(); return err },
		func(r *reply) error { _, err := r.bulks(); return err },
		func(r *reply) error { _, err := r.int(); return err },
		func(r *reply) error { _, err := r.array(); return err },
		func(r *reply) error { return r.failed() },
		func(r *reply) error { _, err := joined.decode(r); return err },
		func(r *reply) error {
			return readPathAlone(r, engine.WalkQuery{From: 1, Names: []string{"a", "b"}, Xattrs: true, Chunks: 2, Sole: true}, &engine.Walked{})
		},
		func(r *reply) error {
			left, err := r.array()
			if err != nil || left < 0 {
				return err
			}
			_, err = readLooked(r, left, engine.LookQuery{WalkQuery: engine.WalkQuery{From: 1, Names: []string{"a"}, Xattrs: true}, InsideXattrs: true, InsideChunks: 1})
			return err
		},
		func(r *reply) error {
			_, err := (*Engine)(nil).readPage(r, listing{dir: 1, limit: 10, attrs: true, xattr: "x"}, &engine.ListedPath{})
			return err
		},
	} {
		r := &reply{b}
		for left := len(b) + 1; len(r.b) > 0 && len(r.b) < left; {
			left = len(r.b)
			if read(r) != nil {
				break
			}
		}
	}
}
