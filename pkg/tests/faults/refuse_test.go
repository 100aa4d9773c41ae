package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
	"juicefs/pkg/tests/redistest"
)

// request is one that a test sends while the server does not work.
type request struct {
	name   string
	reads  bool
	frees  bool // the first thing that it does on the server takes no memory; what has begun is let through
	late   bool // the reply has begun with 200 before it is known what comes of it
	bare   bool // the reply has no body that could name the code
	do     func(ctx context.Context) error
	before func() // makes what do needs
}

// requests are one of each kind. Their keys begin with name.
func (w *world) requests(name string) []request {
	key := func(s string) string { return name + "/" + s }
	put := func(s string, id uint64) func() { return func() { must(w.t, w.putVersion(w.t.Context(), key(s), id)) } }
	var uploadID string
	var parts []minio.CompletePart
	return []request{
		{name: "PUT", do: func(ctx context.Context) error { return w.putVersion(ctx, key("new"), 1) }},
		{name: "PUT that replaces", frees: true, before: put("old", 2), do: func(ctx context.Context) error { return w.putVersion(ctx, key("old"), 3) }},
		{name: "copy", before: put("source", 4), do: func(ctx context.Context) error { return w.copyObject(ctx, key("source"), key("copy")) }},
		{name: "complete", frees: true, late: true, before: func() {
			var err error
			uploadID, err = w.s3.NewMultipartUpload(w.t.Context(), w.bucket, key("upload"), metadata(5))
			must(w.t, err)
			data := version(5, 6<<20)
			p, err := w.s3.PutObjectPart(w.t.Context(), w.bucket, key("upload"), uploadID, 1, bytes.NewReader(data), int64(len(data)), "", "", nil)
			must(w.t, err)
			parts = []minio.CompletePart{{PartNumber: 1, ETag: p.ETag}}
		}, do: func(ctx context.Context) error {
			_, err := w.s3.CompleteMultipartUpload(ctx, w.bucket, key("upload"), uploadID, parts)
			return err
		}},
		{name: "DELETE", frees: true, before: put("gone", 6), do: func(ctx context.Context) error {
			return w.s3.RemoveObject(ctx, w.bucket, key("gone"), minio.RemoveObjectOptions{})
		}},
		{name: "DELETE of many", frees: true, late: true, before: put("many", 7), do: func(ctx context.Context) error { return w.deleteMany(ctx, key("many")) }},
		{name: "GET", reads: true, before: put("read", 8), do: func(ctx context.Context) error {
			id, _, err := w.get(ctx, key("read"))
			if err == nil && id != 8 {
				w.t.Errorf("GET: version %d, want 8", id)
			}
			return err
		}},
		{name: "HEAD", reads: true, bare: true, before: put("head", 9), do: func(ctx context.Context) error {
			_, err := w.s3.StatObject(ctx, w.bucket, key("head"), minio.StatObjectOptions{})
			return err
		}},
		{name: "LIST", reads: true, before: put("list/a", 9), do: func(context.Context) error {
			keys, err := w.list(key("list/"))
			if err == nil && len(keys) != 1 {
				w.t.Errorf("LIST: %v", keys)
			}
			return err
		}},
	}
}

// deleteMany removes one key with DeleteObjects. Its reply is 200; the error is that of the key.
func (w *world) deleteMany(ctx context.Context, key string) error {
	objects := make(chan minio.ObjectInfo, 1)
	objects <- minio.ObjectInfo{Key: key}
	close(objects)
	var failed []error
	for e := range w.s3.RemoveObjects(ctx, w.bucket, objects, minio.RemoveObjectsOptions{}) {
		failed = append(failed, e.Err)
	}
	if len(failed) == 0 {
		return nil
	}
	return failed[0] // after a reply that is an error as a whole the library complains of its end as well
}

// all sends all requests at the same time and returns those that failed.
func (w *world) all(rs []request) map[string]error {
	var mu sync.Mutex
	var running sync.WaitGroup
	failed := map[string]error{}
	for _, r := range rs {
		running.Go(func() {
			ctx, cancel := context.WithTimeout(w.t.Context(), refuseTime)
			defer cancel()
			if err := r.do(ctx); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed[r.name] = err
			}
		})
	}
	running.Wait()
	return failed
}

// outage sends requests of each kind while the server is broken for longer than the gateway waits, and again after it was
// healed. works tells what must succeed all the same.
func (w *world) outage(breaks, heals func(), works func(r *request) bool) {
	w.t.Helper()
	rs := w.requests("a")
	for _, r := range rs {
		if r.before != nil {
			r.before()
		}
	}
	before := w.calm()
	breaks()
	failed := w.all(rs)
	heals()
	for _, r := range rs {
		err, refused := failed[r.name]
		switch {
		case works(&r) && refused:
			w.t.Errorf("%s: %v, want that it works", r.name, err)
		case !works(&r) && !refused:
			w.t.Errorf("%s worked", r.name)
		case refused && r.bare:
			if r := minio.ToErrorResponse(err); r.StatusCode != http.StatusServiceUnavailable {
				w.t.Errorf("%v (%d), want 503", err, r.StatusCode)
			}
		case refused && r.late:
			if r := minio.ToErrorResponse(err); r.Code != "SlowDown" {
				w.t.Errorf("%v (%s), want SlowDown", err, r.Code)
			}
		case refused:
			w.slowDown(r.name, err)
		}
	}
	w.holds("a/source", 4)
	for key, may := range map[string][]uint64{"a/new": {0, 1}, "a/old": {2, 3}, "a/copy": {0, 4}, "a/gone": {0, 6}, "a/many": {0, 7}} {
		if id, _, err := w.get(w.t.Context(), key); err != nil || !slices.Contains(may, id) {
			w.t.Errorf("%s holds version %d, %v", key, id, err)
		}
	}
	var again []request
	for _, r := range rs {
		if failed[r.name] != nil {
			again = append(again, r)
		}
	}
	for name, err := range w.all(again) {
		w.t.Errorf("%s, once more: %v", name, err)
	}
	for key, id := range map[string]uint64{"a/new": 1, "a/old": 3, "a/copy": 4, "a/gone": 0, "a/many": 0} {
		w.holds(key, id)
	}
	w.leaks(before)
	w.settle(int64(len(failed)))
	w.judge()
}

func none(*request) bool { return false }

// The server is away for longer than anybody waits.
func TestServerStaysAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.outage(func() { w.proxy.Refuse(true) }, func() { w.proxy.Refuse(false) }, none)
}

// The server has no memory left and may not throw anything away.
func TestServerIsOutOfMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.outage(func() { w.redis.Do(t, "CONFIG", "SET", "maxmemory", "1") }, func() { w.redis.Do(t, "CONFIG", "SET", "maxmemory", "0") },
		func(r *request) bool { return r.reads || r.frees })
	if w.refused(w.redis, "OOM") == 0 {
		t.Error("the server never said that it is out of memory")
	}
}

// The server runs out of memory while clients work, and gets some more.
func TestServerRunsOutOfMemoryUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fault(func(l *load) {
		for range 5 {
			refused := w.refused(w.redis, "OOM")
			w.redis.Do(t, "CONFIG", "SET", "maxmemory", "1")
			oracle.Poll(t, healTime, func() error {
				if w.refused(w.redis, "OOM") == refused {
					return errors.New("nothing was refused")
				}
				return nil
			})
			w.redis.Do(t, "CONFIG", "SET", "maxmemory", "0")
			l.goesOn(20)
		}
	})
}

// The server has become a replica, and nobody tells the gateway of the new master.
func TestServerIsReadOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.outage(func() {
		host, port, _ := strings.Cut(redistest.Start(t).Addr, ":")
		// It keeps its data as long as it does not get that of its master, for which it has no password.
		w.redis.Do(t, "CONFIG", "SET", "replica-serve-stale-data", "yes")
		w.redis.Do(t, "CONFIG", "SET", "masterauth", "wrong")
		w.redis.Do(t, "REPLICAOF", host, port)
	}, func() { w.redis.Do(t, "REPLICAOF", "NO", "ONE") }, func(r *request) bool { return r.reads })
	if w.refused(w.redis, "READONLY") == 0 {
		t.Error("the server never said that it is read-only")
	}
}

// The password is changed under the gateway's feet. That heals by itself when it is changed back.
func TestPasswordIsChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.outage(func() {
		w.redis.Do(t, "CONFIG", "SET", "requirepass", "")
		w.redis.Do(t, "ACL", "SETUSER", "default", "resetpass", ">another")
		w.proxy.Cut()
	}, func() {
		w.redis.DoAs(t, "another", "ACL", "SETUSER", "default", "resetpass", ">"+password)
	}, none)
}

// metadata is what an object of a version has.
func metadata(id uint64) minio.PutObjectOptions {
	return minio.PutObjectOptions{UserMetadata: map[string]string{"Id": fmt.Sprint(id)}}
}
