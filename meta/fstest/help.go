package fstest

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"

	"juicefs/meta"
	"juicefs/meta/engine"
	"juicefs/meta/record"
)

const mib = 1 << 20

// slice is a new stored slice of size bytes.
func (v *volume) slice(size uint32) record.Slice {
	v.Helper()
	id, err := v.fs.NewSlice(v.Context())
	if err != nil {
		v.Fatalf("new slice: %v", err)
	}
	return record.Slice{ID: id, Size: size, Len: size}
}

// data is length bytes of new slices, one a chunk.
func (v *volume) data(length uint64) map[uint32][]record.Slice {
	v.Helper()
	chunks := map[uint32][]record.Slice{}
	for at := uint64(0); at < length; at += record.ChunkSize {
		chunks[uint32(at/record.ChunkSize)] = []record.Slice{v.slice(uint32(min(length-at, record.ChunkSize)))}
	}
	return chunks
}

// spec is an object of length new bytes whose missing parents are made.
func (v *volume) spec(path string, length uint64) *meta.ObjectSpec {
	v.Helper()
	return &meta.ObjectSpec{Path: path, Length: length, Chunks: v.data(length), Mode: 0o666, Parents: true}
}

// put makes an object of length new bytes. Paths that end in a slash become directory objects.
func (v *volume) put(path string, length uint64) *meta.Object {
	v.Helper()
	if dir, ok := strings.CutSuffix(path, "/"); ok {
		return v.commit(&meta.ObjectSpec{Path: dir, Dir: true, Mode: 0o777, Parents: true})
	}
	return v.commit(v.spec(path, length))
}

// mkdir makes an ordinary directory, and missing ones above it.
func (v *volume) mkdir(path string) *meta.Object {
	v.Helper()
	return v.commit(&meta.ObjectSpec{Path: path, Dir: true, Plain: true, Mode: 0o777, Parents: true})
}

func (v *volume) commit(s *meta.ObjectSpec) *meta.Object {
	v.Helper()
	o, err := v.fs.CommitObject(v.Context(), v.root, s)
	if err != nil {
		v.Fatalf("commit: %v", err)
	}
	return o
}

// get resolves a path with all there is to know, links not followed.
func (v *volume) get(path string) *meta.Object {
	v.Helper()
	o, err := v.fs.Resolve(v.Context(), v.root, path, meta.Want{Xattrs: true, Chunks: 1 << 20, NoFollow: true})
	if err != nil {
		v.Fatalf("get: %v", err)
	}
	return o
}

// absent fails the test if there is something at a path.
func (v *volume) absent(paths ...string) {
	v.Helper()
	for _, p := range paths {
		_, err := v.fs.Resolve(v.Context(), v.root, p, meta.Want{NoFollow: true})
		v.code(err, syscall.ENOENT)
	}
}

// remove removes an object and fails the test if that fails.
func (v *volume) remove(r meta.Removal) {
	v.Helper()
	v.ok(v.tryRemove(v.root, r))
}

// tryRemove removes one object.
func (v *volume) tryRemove(c *meta.Caller, r meta.Removal) error {
	v.Helper()
	errs, err := v.fs.RemoveObjects(v.Context(), c, []meta.Removal{r})
	if err != nil {
		return err
	}
	return errs[0]
}

// ok fails the test on an error.
func (v *volume) ok(err error) {
	v.Helper()
	if err != nil {
		v.Fatalf("unexpected error: %v", err)
	}
}

// code fails the test unless err carries a code.
func (v *volume) code(err error, want syscall.Errno) {
	v.Helper()
	if !errors.Is(err, want) {
		v.Fatalf("got error %v, want %v (%d)", err, want, want)
	}
}

// state reads all records.
func (v *volume) state() *state {
	v.Helper()
	s, err := readState(v.Context(), v.eng)
	if err != nil {
		v.Fatalf("read records: %v", err)
	}
	return s
}

// refs returns how many references a slice has; 0 when none are left and it was deleted.
func (v *volume) refs(s record.Slice) int64 {
	v.Helper()
	if n, ok := v.state().refs[s.ID]; ok {
		return n
	}
	if v.blocks.deleted(s) {
		return 0
	}
	return 1
}

// piece is a run of bytes of a file: n bytes from off of slice id, zeros if that is 0.
type piece struct {
	id     uint64
	off, n uint64
}

// content returns what a reader of the file at path sees, in as few pieces as possible.
func (v *volume) content(path string) []piece {
	v.Helper()
	o := v.get(path)
	return contentOf(o.Attr.Length, o.Chunks)
}

// contentOf lays out chunks by [meta.Visible].
func contentOf(length uint64, chunks map[uint32][]record.Slice) []piece {
	var ps []piece
	at := uint64(0)
	for _, index := range slices.Sorted(maps.Keys(chunks)) {
		start := uint64(index) * record.ChunkSize
		ps = appendPiece(ps, piece{n: start - at})
		at = start
		for _, s := range meta.Visible(chunks[index]) {
			ps = appendPiece(ps, piece{s.ID, uint64(s.Off), uint64(s.Len)})
			at += uint64(s.Len)
		}
	}
	if at < length {
		ps = appendPiece(ps, piece{n: length - at})
	}
	return cutPieces(ps, length)
}

// appendPiece appends a piece, as part of the last one if it goes on where that ends.
func appendPiece(ps []piece, p piece) []piece {
	if p.id == 0 {
		p.off = 0
	}
	if p.n == 0 {
		return ps
	}
	if last := len(ps) - 1; last >= 0 && ps[last].id == p.id && (p.id == 0 || ps[last].off+ps[last].n == p.off) {
		ps[last].n += p.n
		return ps
	}
	return append(ps, p)
}

// cutPieces cuts pieces to a length.
func cutPieces(ps []piece, length uint64) []piece {
	var out []piece
	for _, p := range ps {
		p.n = min(p.n, length)
		length -= p.n
		out = appendPiece(out, p)
	}
	return out
}

// show is pieces for people.
func show(ps []piece) string {
	var b strings.Builder
	for _, p := range ps {
		fmt.Fprintf(&b, "[%d+%d:%d]", p.id, p.off, p.n)
	}
	return b.String()
}

// wantContent compares what a reader of a file sees.
func (v *volume) wantContent(path string, want ...piece) {
	v.Helper()
	var all []piece
	for _, p := range want {
		all = appendPiece(all, p)
	}
	if got := v.content(path); !slices.Equal(got, all) {
		v.Fatalf("%s has %s, want %s", path, show(got), show(all))
	}
}

// names lists a directory.
func (v *volume) names(dir string) []string {
	v.Helper()
	ls, err := v.fs.ReadDir(v.Context(), v.root, dir, "", 1<<20, "")
	if err != nil {
		v.Fatalf("list: %v", err)
	}
	names := []string{}
	for _, l := range ls {
		names = append(names, l.Key)
	}
	return names
}

// wantNames compares the entries of a directory.
func (v *volume) wantNames(dir string, want ...string) {
	v.Helper()
	if got := v.names(dir); !slices.Equal(got, want) {
		v.Fatalf("%s has %q, want %q", dir, got, want)
	}
}

// trash lists what is in the trash, in all hours.
func (v *volume) trash() []string {
	v.Helper()
	all := []string{}
	for _, hour := range v.names("/.trash") {
		all = append(all, v.names("/.trash/"+hour)...)
	}
	return all
}

// ino resolves a path.
func (v *volume) ino(path string) record.Ino {
	v.Helper()
	return v.get(path).Ino
}

// at splits a path into the directory's inode and a name.
func (v *volume) at(p string) meta.Place {
	v.Helper()
	dir := path.Dir(p)
	o, err := v.fs.Resolve(v.Context(), v.root, dir, meta.Want{})
	if err != nil {
		v.Fatalf("get: %v", err)
	}
	return meta.Place{Dir: o.Ino, Name: path.Base(p)}
}

func (v *volume) setAttr(path string, ch meta.Changes) {
	v.Helper()
	_, err := v.fs.SetAttr(v.Context(), v.root, v.ino(path), ch)
	v.ok(err)
}

func (v *volume) setMode(path string, mode uint16) {
	v.Helper()
	v.setAttr(path, meta.Changes{Mode: &mode})
}

func (v *volume) setFlags(path string, flags uint8) {
	v.Helper()
	v.setAttr(path, meta.Changes{Flags: &flags})
}

func (v *volume) setOwner(path string, uid, gid uint32) {
	v.Helper()
	v.setAttr(path, meta.Changes{UID: &uid, GID: &gid})
}

// link makes another name of a file.
func (v *volume) link(from, to string) {
	v.Helper()
	p := v.at(to)
	_, err := v.fs.Link(v.Context(), v.root, v.ino(from), p.Dir, p.Name)
	v.ok(err)
}

func (v *volume) symlink(path, target string) {
	v.Helper()
	p := v.at(path)
	_, _, err := v.fs.Symlink(v.Context(), v.root, p.Dir, p.Name, target)
	v.ok(err)
}

// raw writes records past the file system; a nil value removes one.
func (v *volume) raw(items ...record.Item) {
	v.Helper()
	b := &engine.Batch{}
	for _, it := range items {
		op := engine.Put
		if it.Value == nil {
			op = engine.Delete
		}
		b.Writes = append(b.Writes, engine.Write{Op: op, Key: it.Key, Value: it.Value})
	}
	tx := v.eng.Begin(engine.Update)
	defer tx.Discard()
	v.ok(tx.Commit(v.Context(), b))
}
