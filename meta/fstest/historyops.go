package fstest

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"syscall"
	"time"

	"github.com/google/go-cmp/cmp"

	"juicefs/meta"
	"juicefs/meta/record"
)

func (h *history) opMake() (string, error, error) {
	d, name := h.dir(), h.name()
	var ino record.Ino
	var got error
	n := h.m.node(record.TypeFile)
	c, ctx := h.volume.root, h.Context()
	switch h.r.IntN(5) {
	case 0, 1:
		ino, _, got = h.fs.Create(ctx, c, d.ino, name, 0o644, true)
	case 2:
		n = h.m.node(record.TypeDirectory)
		ino, _, got = h.fs.Mkdir(ctx, c, d.ino, name, 0o755)
	case 3:
		n = h.m.node(record.TypeFIFO)
		ino, _, got = h.fs.Mknod(ctx, c, d.ino, name, record.TypeFIFO, 0o644, 0)
	case 4:
		n = h.m.node(record.TypeSymlink)
		n.target = []string{"a", "b", "../c", "b/d", "..", "../a/b"}[h.r.IntN(6)]
		ino, _, got = h.fs.Symlink(ctx, c, d.ino, name, n.target)
	}
	what := fmt.Sprintf("make %s %d/%s %s", n.typ, d.ino, name, n.target)
	switch {
	case d.trashed:
		return what, got, syscall.ENOENT
	case d.children[name] != nil:
		return what, got, syscall.EEXIST
	}
	h.m.attach(d, name, n)
	h.know(n, ino)
	return what, got, nil
}

func (h *history) opUnlink() (string, error, error) {
	d, name := h.dir(), h.name()
	return fmt.Sprintf("unlink %d/%s", d.ino, name), h.fs.Unlink(h.Context(), h.volume.root, d.ino, name), h.m.remove(d, name)
}

func (h *history) opRmdir() (string, error, error) {
	d, name := h.dir(), h.name()
	return fmt.Sprintf("rmdir %d/%s", d.ino, name), h.fs.RmdirAt(h.Context(), h.volume.root, d.ino, name), h.m.rmdir(d, name)
}

func (h *history) opRename() (string, error, error) {
	s, d, from, to := h.dir(), h.dir(), h.name(), h.name()
	flags := []uint32{0, 0, meta.RenameNoReplace, meta.RenameExchange}[h.r.IntN(4)]
	want := h.m.rename(s, from, d, to, flags)
	_, _, got := h.fs.Rename(h.Context(), h.volume.root, meta.Place{Dir: s.ino, Name: from}, meta.Place{Dir: d.ino, Name: to}, flags)
	return fmt.Sprintf("rename %d/%s to %d/%s, flags %d", s.ino, from, d.ino, to, flags), got, want
}

func (h *history) opLink() (string, error, error) {
	n, d, name := h.file(), h.dir(), h.name()
	if n == nil || h.r.IntN(10) == 0 {
		n = h.dir()
		if n.trashed {
			n = h.m.root
		}
	}
	_, got := h.fs.Link(h.Context(), h.volume.root, n.ino, d.ino, name)
	return fmt.Sprintf("link %d to %d/%s", n.ino, d.ino, name), got, h.m.link(n, d, name)
}

// data is what an operation on the data of a node answers.
func (h *history) data(n *mnode, trash bool) error {
	switch {
	case n.typ != record.TypeFile:
		return syscall.EPERM
	case trash && n.bin:
		return syscall.EPERM
	}
	return nil
}

func (h *history) opWrite() (string, error, error) {
	n := h.file()
	if n == nil {
		return "nothing to write to", nil, nil
	}
	index := h.r.Uint32N(3)
	s := h.slice(1 + h.r.Uint32N(30000))
	s.Off = h.r.Uint32N(s.Size)
	s.Len = 1 + h.r.Uint32N(s.Size-s.Off)
	if s.Pos = h.r.Uint32N(50000); h.r.IntN(3) == 0 {
		s.Pos = record.ChunkSize - s.Len - h.r.Uint32N(3)
	}
	what := fmt.Sprintf("write %d: %d %+v", n.ino, index, s)
	_, got := h.fs.Write(h.Context(), n.ino, index, s, record.Time{})
	want := h.data(n, false)
	if want == nil {
		n.content = overlay(n.content, uint64(index)*record.ChunkSize+uint64(s.Pos), []piece{{s.ID, uint64(s.Off), uint64(s.Len)}})
		h.m.touch(n)
	}
	return what, got, want
}

func (h *history) opTruncate() (string, error, error) {
	n := h.file()
	if n == nil {
		return "nothing to truncate", nil, nil
	}
	length := h.size()
	_, got := h.fs.Truncate(h.Context(), h.volume.root, n.ino, length)
	want := h.data(n, true)
	if want == nil && length != n.length() {
		n.content = padded(cutPieces(n.content, length), length)
		h.m.touch(n)
	}
	return fmt.Sprintf("truncate %d to %d", n.ino, length), got, want
}

func (h *history) opFallocate() (string, error, error) {
	n := h.file()
	if n == nil {
		return "nothing to allocate", nil, nil
	}
	modes := []uint32{0, meta.FallocKeepSize, meta.FallocPunchHole | meta.FallocKeepSize, meta.FallocZeroRange, meta.FallocZeroRange | meta.FallocKeepSize}
	mode, off, size := modes[h.r.IntN(len(modes))], h.size(), h.size()+1
	what := fmt.Sprintf("fallocate %d, mode %d from %d of %d", n.ino, mode, off, size)
	_, got := h.fs.Fallocate(h.Context(), h.volume.root, n.ino, mode, off, size)
	if n.typ == record.TypeFIFO {
		return what, got, syscall.EPIPE
	}
	want := h.data(n, true)
	if want == nil {
		have := n.length()
		if end := min(off+size, have); mode > meta.FallocKeepSize && off < end {
			n.content = overlay(n.content, off, []piece{{n: end - off}})
		}
		if mode&meta.FallocKeepSize == 0 {
			n.content = padded(n.content, off+size)
		}
		h.m.touch(n)
	}
	return what, got, want
}

func (h *history) opCopyRange() (string, error, error) {
	src, dst := h.file(), h.file()
	if src == nil || dst == nil {
		return "nothing to copy", nil, nil
	}
	from, to, size := h.size(), h.size(), h.size()
	what := fmt.Sprintf("copy %d from %d to %d at %d, %d bytes", src.ino, from, dst.ino, to, size)
	_, _, got := h.fs.CopyRange(h.Context(), h.volume.root, meta.Range{Ino: src.ino, Off: from}, meta.Range{Ino: dst.ino, Off: to}, size)
	if src.typ != record.TypeFile {
		return what, got, syscall.EPERM
	}
	want := h.data(dst, true)
	ps := cutPieces(tailPieces(src.content, from), size)
	n := lengthOf(ps)
	if want == nil && n > 0 && src == dst && from < to+n && to < from+n {
		want = syscall.EINVAL
	}
	if want == nil && n > 0 {
		dst.content = overlay(dst.content, to, ps)
		h.m.touch(dst)
	}
	return what, got, want
}

func (h *history) opXattr() (string, error, error) {
	n := h.file()
	if n == nil {
		return "nothing to mark", nil, nil
	}
	name := h.name()
	var want error
	if n.bin {
		want = syscall.EPERM
	} else if h.m.loose[n] {
		want = syscall.ENOENT
	}
	if h.r.IntN(3) == 0 {
		got := h.fs.RemoveXattr(h.Context(), h.volume.root, n.ino, name)
		if _, ok := n.xattrs[name]; want == nil && !ok {
			want = syscall.ENODATA
		}
		if want == nil {
			delete(n.xattrs, name)
		}
		return fmt.Sprintf("remove xattr %s of %d", name, n.ino), got, want
	}
	value := []byte(h.name())
	got := h.fs.SetXattr(h.Context(), h.volume.root, n.ino, name, value, 0)
	if want == nil {
		n.xattrs[name] = string(value)
	}
	return fmt.Sprintf("set xattr %s of %d", name, n.ino), got, want
}

func (h *history) opOpen() (string, error, error) {
	n := h.file()
	if n == nil || n.typ != record.TypeFile {
		return "nothing to open", nil, nil
	}
	_, release, got := h.fs.OpenFile(h.Context(), h.volume.root, n.ino, syscall.O_RDONLY)
	if got == nil {
		n.open++
		h.handles[n] = append(h.handles[n], release)
	}
	return fmt.Sprintf("open %d", n.ino), got, nil
}

func (h *history) opClose() (string, error, error) {
	all := slices.SortedFunc(maps.Keys(h.handles), func(a, b *mnode) int { return int(int64(a.ino) - int64(b.ino)) })
	if len(all) == 0 {
		return "nothing to close", nil, nil
	}
	n := all[h.r.IntN(len(all))]
	rs := h.handles[n]
	rs[0]()
	if h.handles[n] = rs[1:]; len(rs) == 1 {
		delete(h.handles, n)
	}
	if n.open--; n.open == 0 && h.m.loose[n] {
		delete(h.m.loose, n)
		h.eventually("a closed file goes", func() bool { _, err := h.fs.GetAttr(h.Context(), n.ino); return err != nil })
	}
	return fmt.Sprintf("close %d", n.ino), nil, nil
}

func (h *history) opCompact() (string, error, error) {
	n := h.file()
	if n == nil || n.typ != record.TypeFile {
		return "nothing to compact", nil, nil
	}
	index := h.r.Uint32N(3)
	_, err := h.fs.Compact(h.Context(), n.ino, index, func(_ context.Context, c *meta.Compaction) error {
		var ps []piece
		for at, s := uint64(index)*record.ChunkSize+uint64(c.Pos), c.Pieces; len(s) > 0; s = s[1:] {
			// What is behind the end of the file may be compacted too.
			if p := (piece{c.ID, at - uint64(index)*record.ChunkSize - uint64(c.Pos), uint64(s[0].Len)}); at < n.length() {
				p.n = min(p.n, n.length()-at)
				ps = append(ps, p)
			}
			at += uint64(s[0].Len)
		}
		n.content = overlay(n.content, uint64(index)*record.ChunkSize+uint64(c.Pos), ps)
		return nil
	})
	return fmt.Sprintf("compact %d/%d", n.ino, index), err, nil
}

func (h *history) opCleanUp() (string, error, error) {
	h.clock.tick(time.Duration(h.r.IntN(30)) * time.Hour)
	if h.trashed {
		h.m.expire(1)
	}
	return "clean up", h.fs.CleanUp(h.Context()), nil
}

// opQuota gives a directory a quota without limits, or takes it away: the usage is what is checked.
func (h *history) opQuota() (string, error, error) {
	d := h.dir()
	if d.trashed {
		return "no quota", nil, nil
	}
	if _, err := h.fs.GetQuota(h.Context(), record.QuotaDir, uint64(d.ino)); err == nil && h.r.IntN(2) == 0 {
		return fmt.Sprintf("delete quota of %d", d.ino), h.fs.DelQuota(h.Context(), record.QuotaDir, uint64(d.ino)), nil
	}
	_, err := h.fs.SetQuota(h.Context(), record.QuotaDir, uint64(d.ino), nil, nil)
	return fmt.Sprintf("set quota of %d", d.ino), err, nil
}

// opList compares a whole listing, in pages, with the model.
func (h *history) opList() (string, error, error) {
	tr := newTree()
	if hasLinks(h.m.root) {
		return "no listing through links", nil, nil
	}
	tr.take(h.m.root, "")
	h.compareList(tr, tr.randomQuery(h.r))
	return "list", nil, nil
}

func hasLinks(d *mnode) bool {
	for _, n := range d.children {
		if n.typ == record.TypeSymlink || n.isDir() && hasLinks(n) {
			return true
		}
	}
	return false
}

// take makes the reference of a listing from the model.
func (tr *tree) take(d *mnode, base string) {
	for name, n := range d.children {
		if !n.isDir() {
			tr.keys[base+name] = true
			continue
		}
		tr.dirs[base+name+"/"] = true
		if n.object {
			tr.keys[base+name+"/"] = true
		}
		tr.take(n, base+name+"/")
	}
}

// compare holds all records against the model, and against each other.
func (h *history) compare(step int) {
	h.Helper()
	if !poll(func() bool { return h.differences() == "" }, time.Second) { // deletion in the background may be under way
		h.fail("after step %d: %s", step, h.differences())
	}
}

func (h *history) differences() string {
	st, err := readState(h.Context(), h.eng)
	if err != nil {
		return err.Error()
	}
	if found := append(st.faults(false), h.blocks.lost(st)...); len(found) > 0 {
		return fmt.Sprintf("%q", found)
	}
	if d := h.sameDir(st, h.m.root, "/"); d != "" {
		return d
	}
	live := 2 + len(h.m.loose)
	seen := map[*mnode]bool{}
	countNodes(h.m.root, seen)
	for hour, names := range h.m.hours {
		e, ok := st.entries[record.Trash][hour]
		if !ok {
			return "the trash lacks hour " + hour
		}
		live++
		if d := h.sameNames(st, e.Ino, names, ".trash/"+hour+"/"); d != "" {
			return d
		}
		for _, n := range names {
			seen[n] = true
		}
	}
	if h.m.hours == nil {
		live--
	}
	if len(st.attrs) != live+len(seen) {
		return fmt.Sprintf("there are %d inodes, the model has %d", len(st.attrs), live+len(seen))
	}
	for n := range h.m.loose {
		if d := sameNode(st, n); d != "" {
			return fmt.Sprintf("open inode %d: %s", n.ino, d)
		}
	}
	return ""
}

func countNodes(d *mnode, seen map[*mnode]bool) {
	for _, n := range d.children {
		seen[n] = true
		countNodes(n, seen)
	}
}

func (h *history) sameNames(st *state, dir record.Ino, want map[string]*mnode, at string) string {
	for name := range st.entries[dir] {
		if want[name] == nil {
			return fmt.Sprintf("%s%s should not be there", at, name)
		}
	}
	for name, n := range want {
		if e, ok := st.entries[dir][name]; !ok || e.Ino != n.ino {
			return fmt.Sprintf("%s%s should be inode %d, is %v %d", at, name, n.ino, ok, e.Ino)
		}
		if d := sameNode(st, n); d != "" {
			return fmt.Sprintf("%s%s, inode %d: %s", at, name, n.ino, d)
		}
	}
	return ""
}

func (h *history) sameDir(st *state, d *mnode, at string) string {
	if diff := h.sameNames(st, d.ino, d.children, at); diff != "" {
		return diff
	}
	for name, n := range d.children {
		if n.isDir() {
			if diff := h.sameDir(st, n, at+name+"/"); diff != "" {
				return diff
			}
		}
	}
	return ""
}

// sameNode compares a node with the records of its inode.
func sameNode(st *state, n *mnode) string {
	a := st.attrs[n.ino]
	if a == nil {
		return "it does not exist"
	}
	if a.Type != n.typ || a.Mtime != n.mtime {
		return fmt.Sprintf("type and time are %s %v, want %s %v", a.Type, a.Mtime, n.typ, n.mtime)
	}
	if !n.isDir() && (int(a.Nlink) != n.links || (a.Parent == 0) != n.linked) {
		return fmt.Sprintf("nlink %d, parent %d, want %d links, linked %v", a.Nlink, a.Parent, n.links, n.linked)
	}
	if n.isDir() && (a.Atime == record.Time{}) != n.object {
		return fmt.Sprintf("atime %v, want an object %v", a.Atime, n.object)
	}
	want := n.xattrs
	if n.links == 0 && !n.isDir() {
		want = nil
	}
	if len(want)+len(st.xattrs[n.ino]) > 0 && !maps.Equal(want, st.xattrs[n.ino]) {
		return fmt.Sprintf("extended attributes %q, want %q", st.xattrs[n.ino], want)
	}
	switch n.typ {
	case record.TypeSymlink:
		if st.symlinks[n.ino] != n.target {
			return fmt.Sprintf("target %q, want %q", st.symlinks[n.ino], n.target)
		}
	case record.TypeFile:
		if a.Length != n.length() {
			return fmt.Sprintf("length %d, want %d", a.Length, n.length())
		}
		if got := contentOf(min(a.Length, math.MaxInt64), st.chunks[n.ino]); !cmp.Equal(got, n.content, cmp.AllowUnexported(piece{})) {
			return fmt.Sprintf("content %s, want %s", show(got), show(n.content))
		}
	}
	return ""
}
