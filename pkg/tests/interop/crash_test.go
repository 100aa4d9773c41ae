package interop

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

// staleTime is how long the session of a gateway that is gone may stay: five heartbeats of two seconds, and the time until
// somebody looks. The original looks once a minute.
const staleTime = 150 * time.Second

// A gateway is killed in the middle of writing. What it acknowledged is there at the other, which goes on working; the dead session
// is cleaned up by the other; blocks that were stored but belong to nothing yet are all that remains, and gc removes them.
func TestTheOtherGatewayOutlivesACrash(t *testing.T) {
	records.run(t, func(t *testing.T, e engine, writer, reader oracle.Program) {
		v := e.format(t, writer, oracle.FormatOptions{})
		wg, rg := start(t, writer, v, single), start(t, reader, v, single)
		b := newBucket(v.Name)
		w, r := newAuthor(t, wg, b), newAuthor(t, rg, b)
		u := w.begin("upload", minio.PutObjectOptions{})
		u.part(w, 1, content("part", 6*mib))

		// Small objects as fast as they go, and one large object that never ends.
		var mu sync.Mutex
		acked := map[string][]byte{}
		var stop atomic.Bool
		var writers sync.WaitGroup
		for i := range 3 {
			writers.Go(func() {
				for n := 0; !stop.Load(); n++ {
					key := fmt.Sprintf("small/%d/%d", i, n)
					data := content(key, 100*kib)
					if _, err := w.s3.PutObject(t.Context(), b.name, key, bytes.NewReader(data), int64(len(data)), "", "", minio.PutObjectOptions{}); err != nil {
						return
					}
					mu.Lock()
					acked[key] = data
					mu.Unlock()
				}
			})
		}
		body, send := io.Pipe()
		writers.Go(func() {
			_, err := w.s3.PutObject(t.Context(), b.name, "large", body, 100*mib, "", "", minio.PutObjectOptions{})
			if err == nil {
				t.Error("the large object was acknowledged")
			}
			_ = body.Close() // ends the sender
		})
		if _, err := send.Write(content("large", 40*mib)); err != nil {
			t.Fatal(err)
		}
		oracle.Poll(t, time.Minute, func() error {
			mu.Lock()
			defer mu.Unlock()
			if len(acked) < 20 {
				return fmt.Errorf("%d small objects written", len(acked))
			}
			return nil
		})
		wg.Kill(t)
		stop.Store(true)
		_ = send.CloseWithError(io.ErrUnexpectedEOF) // never fails
		writers.Wait()

		for key, data := range acked {
			b.set(key, &object{data: data, etag: etagOf(data)})
		}
		// Of each writer's last object nothing is known but that it is there whole or not at all.
		for i := range 3 {
			n := 0
			for acked[fmt.Sprintf("small/%d/%d", i, n)] != nil {
				n++
			}
			key := fmt.Sprintf("small/%d/%d", i, n)
			if data, err := getAll(t.Context(), r.s3, b.name, key); err == nil {
				want := content(key, 100*kib)
				if !bytes.Equal(data, want) {
					t.Errorf("%s: GET %s, which was not acknowledged: %s", reader.Name, key, difference(data, want))
				}
				b.set(key, &object{data: want, etag: etagOf(want)})
			} else if code(err) != "NoSuchKey" {
				t.Errorf("%s: GET %s, which was not acknowledged: %v", reader.Name, key, err)
			}
		}
		b.absent["large"] = true
		u.part(r, 2, content("part 2", 10))
		u.complete(r)
		verify(t, rg, b)

		oracle.Poll(t, staleTime, func() error {
			if n := len(v.Status(t).Sessions); n != 1 {
				return fmt.Errorf("%d sessions, want that of the living gateway", n)
			}
			return nil
		})
		rg.Stop(t)
		if f := v.Fsck(t); f.Code != 0 || len(f.Findings) > 0 {
			t.Errorf("fsck is not content: %s", f)
		}
		// The killed gateway had totals and directory statistics that it had not written yet.
		v.Fsck(t, "--path", "/", "--recursive", "--sync-dir-stat", "--repair")
		if g := v.GC(t, "--delete"); g.Code != 0 {
			t.Errorf("gc --delete: %s", g)
		}
		// Its temporary file may still be an ordinary file below .sys, to be removed when it is a week old.
		oracle.Judge(t, v)
		rg = start(t, reader, v, single)
		verify(t, rg, b)
	})
}
