package vfs

import (
	"bytes"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"time"
)

// slowSource gives its parts one by one, each only after the volume has parked once more.
type slowSource struct {
	t     *testing.T
	parts []io.Reader
	parks *atomic.Int32
	seen  int32
}

func (s *slowSource) Read(p []byte) (int, error) {
	for len(s.parts) > 0 {
		n, err := s.parts[0].Read(p)
		if n > 0 || err != io.EOF {
			return n, err
		}
		s.parts = s.parts[1:]
		if len(s.parts) > 0 {
			eventually(s.t, "the upload is parked", func() bool { return s.parks.Load() > s.seen })
			s.seen = s.parks.Load()
		}
	}
	return 0, io.EOF
}

func TestSlowUploadIsParked(t *testing.T) {
	r := newRig(t, rigOptions{parkAfter: 10 * time.Millisecond})
	data := pattern(66<<20, 9)
	var parks atomic.Int32
	park := func() string { return fmt.Sprintf("/.sys/tmp/x/%d", parks.Add(1)) }
	// The last border lies in a page that is being filled, and one part crosses the border of a chunk.
	source := &slowSource{t: t, parks: &parks, parts: []io.Reader{bytes.NewReader(data[:5<<20+100]),
		bytes.NewReader(data[5<<20+100 : 20<<20]), bytes.NewReader(data[20<<20 : 65<<20]), bytes.NewReader(data[65<<20:])}}
	w := r.CreateObject(t.Context(), CreateOptions{Size: int64(len(data)), Park: park})
	_, err := w.ReadFrom(source)
	must(t, err)
	parked, err := r.ReadDir(t.Context(), "/.sys/tmp/x", "", 10, "")
	if err != nil || len(parked) != 1 {
		t.Errorf("parked files: %v, %v, want one", parked, err)
	}
	_, err = w.Commit(t.Context(), Commit{Path: "/o"})
	must(t, err)
	equal(t, "object", r.get(t, "/o"), data)
	if parked, err = r.ReadDir(t.Context(), "/.sys/tmp/x", "", 10, ""); err != nil || len(parked) != 0 {
		t.Errorf("parked files after the commit: %v, %v", parked, err)
	}
}

func TestCancelRemovesWhatWasParked(t *testing.T) {
	r := newRig(t, rigOptions{parkAfter: 10 * time.Millisecond, trashDays: 1})
	var parks atomic.Int32
	w := r.CreateObject(t.Context(), CreateOptions{Park: func() string { return fmt.Sprintf("/tmp/%d", parks.Add(1)) }})
	_, err := w.Write(pattern(3<<20, 10))
	must(t, err)
	eventually(t, "the upload is parked", func() bool {
		list, err := r.ReadDir(t.Context(), "/tmp", "", 10, "")
		return err == nil && len(list) == 1
	})
	w.Cancel()
	if list, err := r.ReadDir(t.Context(), "/tmp", "", 10, ""); err != nil || len(list) != 0 {
		t.Errorf("parked files: %v, %v, want none", list, err)
	}
	eventually(t, "the blocks are gone", func() bool { return len(r.blocks(t)) == 0 })
}
