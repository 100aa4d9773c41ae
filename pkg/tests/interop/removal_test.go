package interop

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

// A gateway is killed while it removes the data of deleted objects. Nothing that a copy needs is gone, and a record names whatever
// is left: the real client finds no block that nobody knows of.
func TestKilledWhileDataIsRemoved(t *testing.T) {
	const objects, kept = 2000, 10 // one in so many is copied
	records.run(t, func(t *testing.T, e engine, writer, reader oracle.Program) {
		v := e.format(t, writer, oracle.FormatOptions{})
		wg, rg := start(t, writer, v, single), start(t, reader, v, single)
		b := newBucket(v.Name)
		w := newAuthor(t, wg, b)
		name := func(n int) string { return fmt.Sprintf("d/%04d", n) }
		var names []string
		for n := range objects {
			names = append(names, name(n))
		}
		putMany(t, w, names)
		for n := 0; n < objects; n += kept {
			data := content(name(n), 100)
			b.set(name(n), &object{data: data, etag: etagOf(data)})
			w.copied(name(n), "copies/"+name(n), nil)
		}
		doomed := make(chan minio.ObjectInfo, objects)
		for n := range objects {
			doomed <- minio.ObjectInfo{Key: name(n)}
		}
		close(doomed)
		for e := range w.s3.RemoveObjects(t.Context(), b.name, doomed, minio.RemoveObjectsOptions{}) {
			t.Fatalf("remove %s: %v", e.ObjectName, e.Err)
		}
		for n := 0; n < objects; n += kept {
			b.drop(name(n))
		}
		left := 0
		oracle.Poll(t, time.Minute, func() error {
			if left = len(v.Blocks(t)); left > objects-100 {
				return fmt.Errorf("%d blocks of %d are left", left, objects)
			}
			return nil
		})
		wg.Kill(t)
		t.Logf("%s is killed when %d blocks of %d are left", writer.Name, left, objects)
		oracle.Poll(t, staleTime, func() error {
			if n := len(v.Status(t).Sessions); n != 1 {
				return fmt.Errorf("%d sessions, want that of the living gateway", n)
			}
			return nil
		})
		verify(t, rg, b)
		rg.Stop(t)
		if f := v.Fsck(t); f.Code != 0 || len(f.Findings) > 0 {
			t.Errorf("fsck is not content: %s", f)
		}
		v.GC(t, "--delete")
		// What remains is what records of slices without references name, for the hourly job of whoever comes next.
		g := v.GC(t)
		if g.Code != 0 || len(g.Findings) > 0 || g.Leaked != 0 || g.Skipped != 0 || g.DelFs != 0 || g.Scanned != g.Valid+g.Pending {
			t.Errorf("gc is not content: %s", g)
		}
		t.Logf("%d blocks in use, %d to be removed", g.Valid, g.Pending)
	})
}

// putMany puts small objects, several at a time.
func putMany(t *testing.T, a *author, names []string) {
	t.Helper()
	const at = 8
	errs := make([]error, at)
	var wait sync.WaitGroup
	for i := range at {
		wait.Go(func() {
			for n := i; n < len(names) && errs[i] == nil; n += at {
				data := content(names[n], 100)
				_, errs[i] = a.s3.PutObject(t.Context(), a.b.name, names[n], bytes.NewReader(data), int64(len(data)), "", "", minio.PutObjectOptions{})
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}
