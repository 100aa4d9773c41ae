package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	minio "github.com/minio/minio/cmd"

	"juicefs/meta"
	"juicefs/vfs"
)

// TestSlowUploadsArePutAside: what an object or a part has stored while it is still coming is in a file where the original keeps such
// data, and that file goes with the end of the upload.
func TestSlowUploadsArePutAside(t *testing.T) {
	t.Parallel()
	data := noise(9<<20 + 5)
	for _, c := range []struct {
		name    string
		options Options
		bucket  string
		dir     string // of the files
	}{
		{"one bucket", Options{KeepETag: true}, "vol", "/.sys/tmp"},
		{"many buckets", allKept(), "buck", "/.sys/buck/tmp"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := startLayer(t, newWorld(t).openAs(t, meta.Options{}, vfs.Config{ParkAfter: 10 * time.Millisecond}), c.options)
			ctx := outsideCtx(t)
			if c.options.MultiBuckets {
				must(t, l.MakeBucketWithLocation(ctx, c.bucket, minio.BucketOptions{}))
			}
			slow := func() *minio.PutObjReader {
				rest := readerFunc(func([]byte) (int, error) {
					if err := waitForOne(ctx, l, c.dir); err != nil {
						return 0, err
					}
					return 0, io.EOF
				})
				return reader(t, io.MultiReader(bytes.NewReader(data[:8<<20]), rest, bytes.NewReader(data[8<<20:])), int64(len(data)))
			}
			_, err := l.PutObject(ctx, c.bucket, "d/slow", slow(), minio.ObjectOptions{})
			must(t, err)
			same(t, "object", bytes.Equal(get(t, l, c.bucket, "d/slow"), data), true)
			none(t, l, c.dir)

			id, err := l.NewMultipartUpload(ctx, c.bucket, "parts", minio.ObjectOptions{})
			must(t, err)
			p, err := l.PutObjectPart(ctx, c.bucket, "parts", id, 1, slow(), minio.ObjectOptions{})
			must(t, err)
			none(t, l, c.dir)
			_, err = l.CompleteMultipartUpload(ctx, c.bucket, "parts", id, []minio.CompletePart{{PartNumber: 1, ETag: p.ETag}}, minio.ObjectOptions{})
			must(t, err)
			same(t, "object of parts", bytes.Equal(get(t, l, c.bucket, "parts"), data), true)
		})
	}
}

func none(t *testing.T, l *Layer, dir string) {
	t.Helper()
	if files, err := below(t.Context(), l, dir); err != nil || len(files) > 0 {
		t.Errorf("files in %s at the end: %q, %v", dir, files, err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// waitForOne waits until there is one file below a directory, and checks its name.
func waitForOne(ctx context.Context, l *Layer, dir string) error {
	var files []string
	for end := time.Now().Add(time.Minute); len(files) != 1; time.Sleep(time.Millisecond) {
		var err error
		if files, err = below(ctx, l, dir); err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("files in %s: %q, want one", dir, files)
		}
	}
	slot, name := path.Split(files[0])
	if _, err := uuid.Parse(name); err != nil || len(slot) != 4 || !strings.HasPrefix(name, slot[:3]) {
		return fmt.Errorf("file %s in %s", files[0], dir)
	}
	return nil
}

// below lists the files in the directories of a directory.
func below(ctx context.Context, l *Layer, dir string) (files []string, err error) {
	slots, err := l.v.ReadDir(ctx, dir, "", 100, "")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, s := range slots {
		in, e := l.v.ReadDir(ctx, s.Path, "", 100, "")
		err = errors.Join(err, e)
		for _, f := range in {
			files = append(files, strings.TrimPrefix(f.Path, dir+"/"))
		}
	}
	return files, err
}
