package fstest

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"juicefs/meta"
	"juicefs/meta/engine/enginetest"
	"juicefs/meta/record"
)

func historyTests(steps int) []test {
	return []test{
		{"random histories agree with a model", func(t *testing.T, open Open) { testHistory(t, open, steps) }},
		{"random histories with a trash agree with a model", func(t *testing.T, open Open) { testHistory(t, open, steps, withTrash) }},
		{"random histories with conflicts agree with a model", func(t *testing.T, open Open) { testHistoryConflicts(t, open, steps) }},
	}
}

// history runs random operations on a volume and a model.
type history struct {
	*volume
	m       *model
	r       *rand.Rand
	log     []string
	dirs    []*mnode // every directory there ever was
	files   []*mnode // every file there ever was
	handles map[*mnode][]func()
	trashed bool
}

// operation does something to both and returns what it was and how both answered.
type operation struct {
	weight int
	do     func(h *history) (what string, got, want error)
	alone  bool // what it does to a client another client does not know
}

var operations = []operation{
	{12, (*history).opCommit, false}, {4, (*history).opCommitDir, false}, {6, (*history).opRemove, false}, {2, (*history).opRemoveTree, false}, {2, (*history).opRmdirPath, false},
	{4, (*history).opCopy, false}, {4, (*history).opCompose, false}, {3, (*history).opSetXattrs, false}, {5, (*history).opMake, false}, {4, (*history).opUnlink, false}, {2, (*history).opRmdir, false},
	{8, (*history).opRename, false}, {5, (*history).opLink, false}, {5, (*history).opWrite, false}, {5, (*history).opTruncate, false}, {3, (*history).opFallocate, false}, {3, (*history).opCopyRange, false},
	{3, (*history).opXattr, false}, {3, (*history).opOpen, true}, {3, (*history).opClose, true}, {1, (*history).opCompact, false}, {1, (*history).opCleanUp, false}, {1, (*history).opQuota, true}, {4, (*history).opList, false},
}

func testHistory(t *testing.T, open Open, steps int, opts ...option) {
	runHistory(newVolume(t, open, append(opts, withOwners)...), steps, operations, func(*rand.Rand) {})
}

// testHistoryConflicts lets commits fail in ways that must make no difference.
func testHistoryConflicts(t *testing.T, open Open, steps int) {
	failing := enginetest.NewFailing(open(t))
	runHistory(newVolumeOn(t, failing, withTrash, withOwners), steps, operations, func(r *rand.Rand) {
		if failing.Pending() < 3 {
			failing.Fail(1+r.IntN(4), []enginetest.Fault{enginetest.Busy, enginetest.Conflicting}[r.IntN(2)])
		}
	})
}

// runHistory does random operations, before each of them disturb.
func runHistory(v *volume, steps int, operations []operation, disturb func(*rand.Rand)) {
	t := v.T
	h := &history{volume: v, r: random(t), handles: map[*mnode][]func(){}, trashed: v.setup.setting.TrashDays > 0}
	h.m = newModel(h.trashed, v.clock.now)
	h.dirs = []*mnode{h.m.root}
	h.m.root.mtime = v.get("/").Attr.Mtime
	total := 0
	for _, o := range operations {
		total += o.weight
	}
	every := 1
	if v.eng.Info().Name != "memkv" {
		every = 10 // reading everything is what costs
	}
	for step := range steps {
		pick := h.r.IntN(total)
		i := 0
		for ; pick >= operations[i].weight; i++ {
			pick -= operations[i].weight
		}
		v.clock.tick(time.Duration(h.r.IntN(200)) * time.Second)
		disturb(h.r)
		what, got, want := operations[i].do(h)
		h.log = append(h.log, fmt.Sprintf("%d: %s → %v", step, what, got))
		if (want == nil) != (got == nil) || want != nil && !errors.Is(got, want) {
			h.fail("step %d, %s: got %v, want %v", step, what, got, want)
		}
		if step%every == 0 {
			h.compare(step)
		}
	}
	h.compare(steps)
	for _, rs := range h.handles {
		for _, release := range rs {
			release()
		}
	}
}

func (h *history) fail(format string, args ...any) {
	h.Helper()
	h.Logf("the model:%s", drawing(h.m.root, "/"))
	h.Logf("the last operations:\n%s", strings.Join(h.log[max(0, len(h.log)-25):], "\n"))
	h.Fatalf(format, args...)
}

// drawing is a tree for people.
func drawing(d *mnode, at string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(d.children)) {
		n := d.children[name]
		fmt.Fprintf(&b, "\n%s%s %s %d %s", at, name, n.typ, n.ino, n.target)
		b.WriteString(drawing(n, at+name+"/"))
	}
	return b.String()
}

// name is one of few.
func (h *history) name() string { return string("abcd"[h.r.IntN(4)]) }

// path is a path of few names, of something that is there more often than not.
func (h *history) path() string {
	p := ""
	d := h.m.root
	for range 1 + h.r.IntN(3) {
		n := h.name()
		if d != nil && len(d.children) > 0 && h.r.IntN(3) > 0 {
			names := slices.Sorted(maps.Keys(d.children))
			n = names[h.r.IntN(len(names))]
		}
		p += "/" + n
		if d != nil {
			d = d.children[n]
		}
	}
	return p
}

// dir is a directory that is there, or seldom one that is gone.
func (h *history) dir() *mnode {
	for range 10 {
		if d := h.dirs[h.r.IntN(len(h.dirs))]; !d.trashed || h.r.IntN(20) == 0 {
			return d
		}
	}
	return h.m.root
}

// file is a file that has a name or is open; nil if there is none.
func (h *history) file() *mnode {
	for range 20 {
		if len(h.files) == 0 {
			break
		}
		if f := h.files[h.r.IntN(len(h.files))]; f.links > 0 || h.m.loose[f] {
			return f
		}
	}
	return nil
}

// learn gives new nodes, parents first, the inode numbers that the file system gave them.
func (h *history) learn(o *meta.Object, made []*mnode) {
	h.Helper()
	ino := o.Ino
	for i := len(made) - 1; i >= 0; i-- {
		h.know(made[i], ino)
		a, err := h.fs.GetAttr(h.Context(), ino)
		if err != nil {
			h.fail("inode %d: %v", ino, err)
		}
		ino = a.Parent
	}
}

func (h *history) know(n *mnode, ino record.Ino) {
	n.ino = ino
	if n.isDir() {
		h.dirs = append(h.dirs, n)
	} else {
		h.files = append(h.files, n)
	}
}

// size is often small, sometimes over a chunk's border.
func (h *history) size() uint64 {
	switch h.r.IntN(6) {
	case 0:
		return 0
	case 1:
		return uint64(60*mib + h.r.IntN(140*mib))
	}
	return uint64(h.r.IntN(20000))
}

func (h *history) opCommit() (string, error, error) {
	s := h.spec(h.path(), h.size())
	s.Parents = h.r.IntN(4) > 0
	if h.r.IntN(4) == 0 {
		s.Top = h.path()
	}
	if h.r.IntN(2) == 0 {
		s.Xattrs = map[string][]byte{"etag": []byte(s.Path), h.name(): {}}
	}
	return h.put2(s)
}

func (h *history) opCommitDir() (string, error, error) {
	s := &meta.ObjectSpec{Path: h.path(), Dir: true, Plain: h.r.IntN(2) == 0, Parents: h.r.IntN(4) > 0, Mode: 0o777}
	if h.r.IntN(2) == 0 && !s.Plain {
		s.Xattrs = map[string][]byte{"etag": []byte(s.Path)}
	}
	return h.put2(s)
}

// put2 commits to both.
func (h *history) put2(s *meta.ObjectSpec) (string, error, error) {
	made, want := h.m.place(s)
	o, got := h.fs.CommitObject(h.Context(), h.volume.root, s)
	if want == nil && got == nil {
		h.learn(o, made)
	}
	return fmt.Sprintf("commit %s of %d, dir %v plain %v parents %v top %q", s.Path, s.Length, s.Dir, s.Plain, s.Parents, s.Top), got, want
}

func (h *history) opRemove() (string, error, error) {
	var rs []meta.Removal
	top := ""
	if h.r.IntN(2) == 0 {
		top = "/"
	}
	for range 1 + h.r.IntN(4) {
		r := meta.Removal{Path: h.path(), Dir: h.r.IntN(4) == 0, Top: top}
		if t, err := h.m.walk(r.Path, false); err == nil && t.found != nil && h.r.IntN(4) > 0 {
			r.Dir = t.found.isDir()
		}
		if len(rs) > 0 && h.r.IntN(2) == 0 {
			r.Path = path.Join(path.Dir(rs[0].Path), path.Base(r.Path))
		}
		rs = append(rs, r)
	}
	what := fmt.Sprintf("remove %+v", rs)
	want := h.m.removeMany(rs)
	errs, err := h.fs.RemoveObjects(h.Context(), h.volume.root, rs)
	for i := range errs {
		if !errors.Is(errs[i], want[i]) {
			h.fail("%s: %d: got %v, want %v", what, i, errs[i], want[i])
		}
	}
	return what, err, nil
}

func (h *history) opRemoveTree() (string, error, error) {
	p, skip := h.path(), h.r.IntN(2) == 0
	return fmt.Sprintf("remove tree %s, for real %v", p, skip), h.fs.RemoveTree(h.Context(), h.volume.root, p, skip), h.m.removeTree(p, skip)
}

func (h *history) opRmdirPath() (string, error, error) {
	p := h.path()
	t, want := h.m.walk(p, false)
	if want == nil {
		if want = syscall.ENOENT; t.found != nil {
			want = h.m.rmdir(t.dir(), t.name)
		}
	}
	return "rmdir " + p, h.fs.Rmdir(h.Context(), h.volume.root, p), want
}

func (h *history) opCopy() (string, error, error) {
	src, s := h.path(), &meta.ObjectSpec{Path: h.path(), Mode: 0o644, Parents: true}
	off, n := int64(h.size()), int64(h.size())
	if h.r.IntN(2) == 0 {
		off, n = 0, -1
	}
	what := fmt.Sprintf("copy %s from %d of %d to %s", src, off, n, s.Path)
	t, want := h.m.walk(src, true)
	var made []*mnode
	switch {
	case want != nil:
	case t.found == nil:
		want = syscall.ENOENT
	case t.found.typ != record.TypeFile:
		want = syscall.EISDIR
	default:
		content := tailPieces(t.found.content, uint64(off))
		if n >= 0 {
			content = cutPieces(content, uint64(n))
		}
		if made, want = h.m.place(s); want == nil {
			made[len(made)-1].content = content
		}
	}
	o, got := h.fs.CopyObject(h.Context(), h.volume.root, src, off, n, s)
	if want == nil && got == nil {
		h.learn(o, made)
	}
	return what, got, want
}

// opCompose makes parts in a directory of their own, then an object of some of them.
func (h *history) opCompose() (string, error, error) {
	const dir = "/up"
	var lengths []uint64
	for range 1 + h.r.IntN(4) {
		lengths = append(lengths, h.size())
	}
	all := h.parts(dir, lengths...)
	var want []piece
	var used []meta.Part
	for _, i := range h.r.Perm(len(all))[:1+h.r.IntN(len(all))] {
		used = append(used, all[i])
		for _, p := range h.content(all[i].Path) {
			want = appendPiece(want, p)
		}
	}
	s := &meta.ComposeSpec{ObjectSpec: meta.ObjectSpec{Path: h.path(), Mode: 0o644, Parents: true}, Parts: used, ETagName: "etag", Remove: dir}
	made, wantErr := h.m.place(&s.ObjectSpec)
	o, got := h.fs.ComposeObject(h.Context(), h.volume.root, s)
	if wantErr == nil && got == nil {
		made[len(made)-1].content = want
		h.learn(o, made)
	} else if err := h.fs.RemoveTree(h.Context(), h.volume.root, dir, true); err != nil {
		h.fail("remove the upload: %v", err)
	}
	h.m.touch(h.m.root) // the upload came and went
	return fmt.Sprintf("compose %s of %v", s.Path, lengths), got, wantErr
}

func (h *history) opSetXattrs() (string, error, error) {
	p := h.path()
	set, remove := map[string][]byte{h.name(): []byte(p)}, []string{h.name(), "etag"}
	t, want := h.m.walk(p, true)
	switch {
	case want != nil:
	case t.found == nil:
		want = syscall.ENOENT
	default:
		for _, k := range remove {
			delete(t.found.xattrs, k)
		}
		maps.Copy(t.found.xattrs, textOf(set))
	}
	_, got := h.fs.SetXattrs(h.Context(), h.volume.root, p, set, remove, nil)
	return fmt.Sprintf("set xattrs of %s: %v, without %v", p, set, remove), got, want
}
