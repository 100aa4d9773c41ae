package interop

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"juicefs/chunk"
	"juicefs/meta"
	"juicefs/meta/all"
	metaengine "juicefs/meta/engine"
	"juicefs/meta/record"
	"juicefs/pkg/buf"
	store "juicefs/pkg/object"
	"juicefs/pkg/object/file"
	"juicefs/pkg/tests/oracle"
	"juicefs/vfs"
)

// What a slow upload has stored belongs to no file yet, and gc takes such blocks when they are an hour old. So it is parked after a
// while in a temporary file. The gc here takes blocks of any age, and the while is short: what is parked survives it, what is not does
// not, and the upload ends as the object that was sent, which the original shows.
func TestWhatASlowUploadHasParkedSurvivesGC(t *testing.T) {
	t.Parallel()
	for _, e := range []engineOf{{sqlite, 0}, {sqlite, 1}, {redis, 0}} {
		t.Run(fmt.Sprintf("%s, %d days of trash", e.name, e.trash), func(t *testing.T) {
			t.Parallel()
			v := e.format(t, oracle.Real(t), oracle.FormatOptions{TrashDays: e.trash})
			inside := openInside(t, v, 10*time.Millisecond)
			data := content("slow", 70*mib)
			const early = 9 * mib

			var parks atomic.Int32
			park := func() string { return fmt.Sprintf("/.sys/tmp/0a/parked-%d", parks.Add(1)) }
			parked := func() *oracle.Node { return v.Dump(t).Find("/.sys/tmp/0a") }

			w := inside.CreateObject(t.Context(), vfs.CreateOptions{Size: int64(len(data)), Park: park})
			if _, err := w.Write(data[:early]); err != nil {
				t.Fatal(err)
			}
			oracle.Poll(t, settleTime, func() error {
				dir := parked()
				if dir == nil || len(dir.Entries) != 1 {
					return fmt.Errorf("files that are parked: %+v", dir)
				}
				for _, n := range dir.Entries {
					if n.Attr.Length != early {
						return fmt.Errorf("%d bytes are parked", n.Attr.Length)
					}
				}
				return nil
			})
			before := v.Blocks(t)
			if g := v.GC(t, "--delete"); g.Code != 0 || g.Leaked != 0 || len(v.Blocks(t)) != len(before) {
				t.Errorf("gc takes what is parked; of %d blocks it left %d: %s", len(before), len(v.Blocks(t)), g)
			}
			if _, err := w.Write(data[early:]); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Commit(t.Context(), vfs.Commit{Path: "/object"}); err != nil {
				t.Fatal(err)
			}
			if dir := parked(); dir != nil && len(dir.Entries) > 0 {
				t.Errorf("what was parked is left: %+v", dir.Entries)
			}

			// Without parking, this gc does take what an upload has stored.
			unparked := inside.CreateObject(t.Context(), vfs.CreateOptions{Size: int64(len(data))})
			if _, err := unparked.Write(data[:early]); err != nil {
				t.Fatal(err)
			}
			oracle.Poll(t, settleTime, func() error {
				if g := v.GC(t); g.Leaked == 0 {
					return fmt.Errorf("gc finds nothing to take: %s", g)
				}
				return nil
			})
			unparked.Cancel()

			g := start(t, oracle.Real(t), v, single)
			if got, err := getAll(t.Context(), g.Core(t), v.Name, "object"); err != nil || !bytes.Equal(got, data) {
				t.Errorf("GET: %v, %s", err, difference(got, data))
			}
			g.Stop(t)
		})
	}
}

// engineOf is an engine for a volume with a trash.
type engineOf struct {
	engine
	trash int // days
}

// openInside opens a volume in this process, as a client that parks uploads after a while. It ends with the test.
func openInside(t *testing.T, v *oracle.Volume, parkAfter time.Duration) *vfs.Volume {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	fail := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	eng, err := all.Open(ctx, v.Meta, metaengine.Options{})
	fail(err)
	blobs, err := file.Open(v.Data + "/")
	fail(err)
	pool := buf.NewPool(100 * mib)
	blocks, err := chunk.New(store.WithPrefix(blobs, v.Name+"/"), chunk.Options{BlockSize: 4 * mib, Pool: pool})
	fail(err)
	fs, err := meta.Open(ctx, eng, meta.Options{Version: "1.4.1", DeleteSlice: func(ctx context.Context, s record.SliceID) error {
		return blocks.Remove(ctx, chunk.Ref{ID: s.ID, Size: s.Size})
	}})
	fail(err)
	fail(fs.StartSession(ctx))
	inside, err := vfs.Open(ctx, vfs.Config{FS: fs, Store: blocks, Pool: pool, ParkAfter: parkAfter})
	fail(err)
	t.Cleanup(func() {
		if err := fs.Close(ctx); err != nil {
			t.Error(err)
		}
		if err := blocks.Close(); err != nil {
			t.Error(err)
		}
		if err := eng.Close(); err != nil {
			t.Error(err)
		}
	})
	return inside
}
