package gateway

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	minio "github.com/minio/minio/cmd"

	"juicefs/gateway/front"
	"juicefs/meta/engine"
	"juicefs/meta/engine/enginetest"
	"juicefs/meta/record"
	objmem "juicefs/pkg/object/mem"
	"juicefs/pkg/object/objecttest"
)

// begins counts the transactions of requests: what is removed behind them has transactions of its own, at any time.
type begins struct {
	engine.Engine
	views, updates atomic.Int64
}

// Begin implements engine.Engine.
func (b *begins) Begin(m engine.Mode) engine.Tx {
	count := &b.updates
	if m == engine.View {
		count = &b.views
	}
	return &begun{Tx: b.Engine.Begin(m), count: count}
}

// begun is a transaction that counts once it does something.
type begun struct {
	engine.Tx
	count *atomic.Int64 // nil: it has counted
}

func (b *begun) seen(ctx context.Context) {
	if b.count != nil && front.OriginOf(ctx) != front.Unknown {
		b.count.Add(1)
		b.count = nil
	}
}

// Fetch implements engine.Tx.
func (b *begun) Fetch(ctx context.Context, reads []engine.ReadOp) ([]record.Item, error) {
	b.seen(ctx)
	return b.Tx.Fetch(ctx, reads)
}

// Page implements engine.Tx.
func (b *begun) Page(ctx context.Context, r engine.Range, limit int) ([]record.Item, error) {
	b.seen(ctx)
	return b.Tx.Page(ctx, r, limit)
}

// Commit implements engine.Tx.
func (b *begun) Commit(ctx context.Context, batch *engine.Batch) error {
	b.seen(ctx)
	return b.Tx.Commit(ctx, batch)
}

// TestTransactions holds how many transactions each call takes: an attempt counts, too, but there is nobody else here.
func TestTransactions(t *testing.T) {
	t.Parallel()
	var eng *begins
	w := newWorldOn(t, func(e engine.Engine) engine.Engine {
		eng = &begins{Engine: e}
		return eng
	}, objmem.New())
	l := w.layer(t, allKept())
	ctx := outsideCtx(t)
	must(t, l.MakeBucketWithLocation(ctx, "buck", minio.BucketOptions{}))
	put(t, l, "buck", "d/e/first", []byte("x")) // takes numbers in batches
	put(t, l, "buck", "d/e/large", noise(64<<20))
	var src minio.ObjectInfo
	for _, c := range []struct {
		name           string
		f              func()
		views, updates int64
	}{
		{"PUT of a new key", func() { put(t, l, "buck", "d/e/new", []byte("y")) }, 0, 1},
		{"PUT of a new key with new parents", func() { put(t, l, "buck", "f/g/h/new", []byte("y")) }, 0, 1},
		{"PUT that replaces", func() { put(t, l, "buck", "d/e/new", []byte("z"), "X-Amz-Meta-K", "v", headerTags, "a=b") }, 0, 1},
		{"PUT of a directory object", func() { put(t, l, "buck", "d/f/", nil) }, 0, 1},
		{"HEAD", func() { src = head(t, l, "buck", "d/e/new") }, 1, 0},
		{"GET", func() { get(t, l, "buck", "d/e/new") }, 1, 0},
		{"GET of 64 MiB", func() { get(t, l, "buck", "d/e/large") }, 1, 0},
		{"page of a list", func() { keys(t, l, "buck", "d/e/", "", "/", 100) }, 1, 0},
		{"copy, which looks at its source", func() {
			_, err := l.CopyObject(ctx, "buck", "d/e/new", "buck", "d/e/copy", src, minio.ObjectOptions{}, minio.ObjectOptions{})
			must(t, err)
		}, 2, 1},
		{"copy of what the handler has seen", func() {
			request := outsideCtx(t)
			r, err := l.GetObjectNInfo(request, "buck", "d/e/new", nil, nil, 0, minio.ObjectOptions{})
			must(t, err)
			_, err = l.CopyObject(request, "buck", "d/e/new", "buck", "d/e/copy", src, minio.ObjectOptions{}, minio.ObjectOptions{})
			must(t, errors.Join(err, r.Close()))
		}, 1, 1},
		{"DELETE", func() {
			_, err := l.DeleteObject(ctx, "buck", "d/e/new", minio.ObjectOptions{})
			must(t, err)
		}, 0, 1},
		{"DELETE of many", func() {
			l.DeleteObjects(ctx, "buck", []minio.ObjectToDelete{{ObjectName: "d/e/copy"}, {ObjectName: "d/e/none"}, {ObjectName: "d/e/first"}}, minio.ObjectOptions{})
		}, 0, 1},
		{"tags", func() {
			_, err := l.PutObjectTags(ctx, "buck", "f/g/h/new", "a=b", minio.ObjectOptions{})
			must(t, err)
		}, 0, 1},
	} {
		views, updates := eng.views.Load(), eng.updates.Load()
		c.f()
		views, updates = eng.views.Load()-views, eng.updates.Load()-updates
		if views > c.views || updates > c.updates || views+updates == 0 {
			t.Errorf("%s: %d views and %d updates, want at most %d and %d, and one at least", c.name, views, updates, c.views, c.updates)
		}
	}
}

// TestFaultsOfTheStore: a store that does not work is a 503, and nothing half done is seen.
func TestFaultsOfTheStore(t *testing.T) {
	t.Parallel()
	var broken atomic.Value // an operation
	broken.Store("")
	bucket := objecttest.WithFaults(objmem.New(), func(_ context.Context, c objecttest.Call) error {
		if c.Op == broken.Load() {
			return errors.New("injected")
		}
		return nil
	})
	w := newWorldOn(t, func(e engine.Engine) engine.Engine { return e }, bucket)
	l := w.layer(t, Options{KeepETag: true})
	before := noise(3 << 20)
	put(t, l, "vol", "old", before)
	broken.Store("put")
	for _, key := range []string{"old", "new"} {
		_, err := tryPut(t, l, outsideCtx(t), "vol", key, noise(9<<20))
		checkType(t, err, minio.InsufficientWriteQuorum{})
	}
	broken.Store("")
	absent(t, l, "vol", "new")
	if !bytes.Equal(get(t, l, "vol", "old"), before) {
		t.Error("a failed PUT has changed the object")
	}
	w2 := w.open(t, metaOptions()) // another process has nothing in its cache
	cold := startLayer(t, w2, Options{KeepETag: true})
	same(t, "pages in use", w.pool.Used() >= 0, true)
	broken.Store("get")
	if _, err := read(t, cold, "vol", "old", nil, minio.ObjectOptions{}); err != nil {
		checkType(t, err, minio.InsufficientReadQuorum{})
	}
}

// TestFaultsOfTheDatabase: what the runner of transactions cannot heal is a 503.
func TestFaultsOfTheDatabase(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]enginetest.Fault{"busy": enginetest.Busy, "conflict": enginetest.Conflicting, "broken": enginetest.Broken,
		"lost before": enginetest.LostBefore, "lost after": enginetest.LostAfter} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var eng *enginetest.Failing
			w := newWorldOn(t, func(e engine.Engine) engine.Engine {
				eng = enginetest.NewFailing(e)
				return eng
			}, objmem.New())
			l := w.layer(t, Options{KeepETag: true})
			put(t, l, "vol", "warm", []byte("x"))
			eng.Fail(1, fault)
			data := []byte("data")
			if _, err := tryPut(t, l, outsideCtx(t), "vol", "d/a", data); err == nil {
				same(t, "data", string(get(t, l, "vol", "d/a")), string(data))
			} else {
				checkType(t, err, minio.InsufficientWriteQuorum{})
				put(t, l, "vol", "d/a", data) // as clients do
			}
			same(t, "pending faults", eng.Pending(), 0)
			same(t, "listing", keys(t, l, "vol", "", "", "", 10), "d/a warm")
			eng.Fail(1, fault)
			if _, err := l.DeleteObject(outsideCtx(t), "vol", "d/a", minio.ObjectOptions{}); err != nil {
				if !strings.Contains(typeName(err), "InsufficientWriteQuorum") && !strings.Contains(typeName(err), "ObjectNotFound") {
					t.Errorf("got %T %v", err, err)
				}
			}
			_, err := l.DeleteObject(outsideCtx(t), "vol", "d/a", minio.ObjectOptions{})
			if err != nil {
				checkType(t, err, minio.ObjectNotFound{})
			}
			same(t, "listing", keys(t, l, "vol", "", "", "", 10), "warm")
		})
	}
}

func TestFailuresHaveStatusAndCode(t *testing.T) {
	t.Parallel()
	for _, err := range []error{minio.PrefixAccessDenied{}, minio.AllAccessDisabled{}, minio.ObjectNameInvalid{}, minio.ObjectNameTooLong{},
		minio.InsufficientWriteQuorum{}, minio.InsufficientReadQuorum{}, minio.OperationTimedOut{}, minio.StorageFull{}, errNotMet(&target{}), errors.New("x")} {
		if f := failure(err); f.Status < http.StatusBadRequest || f.Code == "" || f.Message == "" {
			t.Errorf("%T: got %+v", err, f)
		}
	}
}
