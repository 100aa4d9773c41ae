package faults

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // the name of a script
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

// commitHash is how a commit looks on the wire: a call of the script by its hash.
func (w *world) commitHash() string {
	w.t.Helper()
	h := sha1.New() //nolint:gosec // as above
	for _, part := range []string{"entry.lua", "path.lua", "commit.lua"} {
		text, err := os.ReadFile(filepath.Join(oracle.Root(w.t), "meta", "redisdb", "lua", part))
		must(w.t, err)
		_, _ = h.Write(text) // a hash does not fail
	}
	hash := hex.EncodeToString(h.Sum(nil))
	if known, ok := w.redis.Do(w.t, "SCRIPT", "EXISTS", hash).([]any); !ok || len(known) != 1 || known[0] != int64(1) {
		w.t.Fatalf("the server knows no script %s: commits are made of other files", hash)
	}
	return hash
}

// A commit is lost on its way, or its answer is. Nobody but a look at the volume can tell which.
func TestConnectionBreaksInTheMiddleOfACommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hash := w.commitHash()
	ctx := t.Context()
	before := w.calm()
	for _, c := range []struct {
		name string
		lose func(string)
		done bool // the server did it
	}{{"request", w.proxy.LoseRequest, false}, {"answer", w.proxy.LoseAnswer, true}} {
		// Whoever put an object finds out; a refusal means that it is not there.
		for i, what := range []string{"new", "replaced"} {
			key := c.name + "/put"
			id := uint64(10*(i+1)) + 1
			c.lose(hash)
			err := w.putVersion(ctx, key, id)
			if (err == nil) != c.done {
				t.Errorf("PUT of a %s object, %s lost: %v", what, c.name, err)
			}
			if err != nil {
				w.slowDown("PUT", err)
				must(t, w.putVersion(ctx, key, id))
			}
			w.holds(key, id)
		}
		// Whoever removes one cannot: it may be there or not. Once more says that it is gone.
		key := c.name + "/removed"
		must(t, w.putVersion(ctx, key, 2))
		c.lose(hash)
		if err := w.s3.RemoveObject(ctx, w.bucket, key, minio.RemoveObjectOptions{}); err == nil {
			t.Errorf("DELETE, %s lost: success", c.name)
		} else {
			w.slowDown("DELETE", err)
		}
		w.holds(key, map[bool]uint64{true: 0, false: 2}[c.done])
		must(t, w.s3.RemoveObject(ctx, w.bucket, key, minio.RemoveObjectOptions{}))
		w.holds(key, 0)
		// A copy is like a PUT.
		must(t, w.putVersion(ctx, "source", 3))
		c.lose(hash)
		key = c.name + "/copy"
		if err := w.copyObject(ctx, "source", key); err != nil {
			w.slowDown("copy", err)
			must(t, w.copyObject(ctx, "source", key))
		}
		w.holds(key, 3)
		if n := w.proxy.Pending(); n > 0 {
			t.Fatalf("%d breaks have not happened", n)
		}
	}
	w.upload(hash)
	w.leaks(before)
	w.settle(4)
	w.judge()
}

// upload completes a multipart upload whose commit is lost.
func (w *world) upload(hash string) {
	w.t.Helper()
	ctx := w.t.Context()
	id, err := w.s3.NewMultipartUpload(ctx, w.bucket, "upload", minio.PutObjectOptions{UserMetadata: map[string]string{"Id": "4"}})
	must(w.t, err)
	data := version(4, 6<<20)
	part, err := w.s3.PutObjectPart(ctx, w.bucket, "upload", id, 1, bytes.NewReader(data), int64(len(data)), "", "", nil)
	must(w.t, err)
	w.proxy.LoseRequest(hash)
	parts := []minio.CompletePart{{PartNumber: 1, ETag: part.ETag}}
	_, err = w.s3.CompleteMultipartUpload(ctx, w.bucket, "upload", id, parts)
	if err != nil {
		w.slowDown("complete", err)
		_, err = w.s3.CompleteMultipartUpload(ctx, w.bucket, "upload", id, parts)
		must(w.t, err)
	}
	info, err := w.s3.StatObject(ctx, w.bucket, "upload", minio.StatObjectOptions{})
	must(w.t, err)
	if info.Size != int64(len(data)) {
		w.t.Errorf("upload has %d bytes, want %d", info.Size, len(data))
	}
}

func (w *world) putVersion(ctx context.Context, key string, id uint64) error {
	data := version(id, 5000)
	_, err := w.s3.PutObject(ctx, w.bucket, key, bytes.NewReader(data), int64(len(data)), "", "", metadata(id))
	return err
}

func (w *world) copyObject(ctx context.Context, from, to string) error {
	_, err := w.s3.CopyObject(ctx, w.bucket, from, w.bucket, to, nil, minio.CopySrcOptions{}, minio.PutObjectOptions{})
	return err
}

// holds fails unless a key has this version; 0: no object.
func (w *world) holds(key string, id uint64) {
	w.t.Helper()
	got, _, err := w.get(w.t.Context(), key)
	must(w.t, err)
	if got != id {
		w.t.Errorf("%s holds version %d, want %d", key, got, id)
	}
}

// Connections break at any moment while clients work.
func TestConnectionsBreakUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hash := w.commitHash()
	w.fault(func(l *load) {
		for range 10 {
			w.proxy.LoseRequest(hash)
			w.proxy.LoseAnswer(hash)
			l.goesOn(10)
			w.proxy.Cut()
			l.goesOn(10)
		}
		w.proxy.Refuse(true)
		w.proxy.Refuse(false)
		if n := w.proxy.Pending(); n > 0 {
			t.Errorf("%d breaks have not happened", n)
		}
	})
}
