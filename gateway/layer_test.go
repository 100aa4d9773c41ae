package gateway

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"testing"

	minio "github.com/minio/minio/cmd"
	"github.com/minio/minio/pkg/hash"

	"juicefs/chunk"
	"juicefs/gateway/front"
	"juicefs/meta"
	"juicefs/meta/engine"
	"juicefs/meta/kvdb/mem"
	"juicefs/meta/record"
	"juicefs/pkg/buf"
	"juicefs/pkg/object"
	objmem "juicefs/pkg/object/mem"
	"juicefs/vfs"
)

// world is a volume in memory that several layers may serve, as several gateways would.
type world struct {
	eng   engine.Engine
	store *chunk.Store
	pool  *buf.Pool
	v     *vfs.Volume
}

// newWorld formats and opens a volume named "vol".
func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOn(t, func(e engine.Engine) engine.Engine { return e }, objmem.New())
}

// newWorldOn is newWorld over a bucket, with something around the engine.
func newWorldOn(t testing.TB, around func(engine.Engine) engine.Engine, bucket object.Bucket) *world {
	t.Helper()
	e, err := mem.Open(t.Context(), engine.Options{Create: true})
	must(t, err)
	return newWorldIn(t, around(e), bucket)
}

// newWorldIn is newWorld over a bucket and in an engine, which it closes.
func newWorldIn(t testing.TB, eng engine.Engine, bucket object.Bucket) *world {
	t.Helper()
	ctx := context.Background() // the clean-up needs it after the test's has ended
	must(t, meta.Format(ctx, eng, &record.Setting{Name: "vol", UUID: "0a1b2c3d-0000-4000-8000-00000000abcd", Storage: "mem", BlockSize: 4096,
		Compression: "none", MetaVersion: 1, DirStats: true}, false))
	w := &world{eng: eng, pool: buf.NewPool(64 << 20)}
	var err error
	w.store, err = chunk.New(bucket, chunk.Options{BlockSize: 4 << 20, Pool: w.pool})
	must(t, err)
	t.Cleanup(func() { must(t, errors.Join(w.store.Close(), eng.Close())) })
	w.v = w.open(t, meta.Options{})
	return w
}

// open opens the volume once more.
func (w *world) open(t testing.TB, o meta.Options) *vfs.Volume {
	t.Helper()
	return w.openAs(t, o, vfs.Config{})
}

// openAs is open with options of the volume.
func (w *world) openAs(t testing.TB, o meta.Options, c vfs.Config) *vfs.Volume {
	t.Helper()
	ctx := context.Background()
	o.DeleteSlice = func(ctx context.Context, s record.SliceID) error {
		return w.store.Remove(ctx, chunk.Ref{ID: s.ID, Size: s.Size})
	}
	fs, err := meta.Open(ctx, w.eng, o)
	must(t, err)
	must(t, fs.StartSession(ctx))
	c.FS, c.Store, c.Pool, c.Caller = fs, w.store, w.pool, meta.Caller{Umask: 0o022}
	v, err := vfs.Open(ctx, c)
	must(t, err)
	t.Cleanup(func() { must(t, fs.Close(ctx)) })
	return v
}

// allKept has everything on that a test may look at.
func allKept() Options {
	return Options{MultiBuckets: true, KeepETag: true, ObjectTag: true, ObjectMeta: true}
}

// newLayer starts a layer of its own volume, with the bucket "buck" if there are several.
func newLayer(t testing.TB, o Options) *Layer {
	t.Helper()
	l := newWorld(t).layer(t, o)
	if o.MultiBuckets {
		must(t, l.MakeBucketWithLocation(outsideCtx(t), "buck", minio.BucketOptions{}))
	}
	return l
}

// layer starts a layer over the volume.
func (w *world) layer(t testing.TB, o Options) *Layer {
	t.Helper()
	return startLayer(t, w.v, o)
}

func startLayer(t testing.TB, v *vfs.Volume, o Options) *Layer {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(testLog{t}, nil))
	}
	l := New(v, o)
	must(t, l.Start(context.Background()))
	t.Cleanup(func() { must(t, l.Shutdown(context.Background())) })
	return l
}

// testLog puts what is logged into the log of the test.
type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Logf("%s", bytes.TrimSpace(p))
	return len(p), nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func outsideCtx(t testing.TB) context.Context {
	return front.WithOrigin(t.Context(), front.Outside)
}

// onCondition is the context of a write that has a condition.
func onCondition(t testing.TB, c front.Condition) context.Context {
	return front.With(t.Context(), &front.Request{Origin: front.Outside, Condition: c})
}

func dirCommit(path string) vfs.Commit { return vfs.Commit{Path: path, Mode: 0o777} }

// noise returns n bytes that are the same for the same n.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)})
	_, _ = r.Read(b)
	return b
}

func md5Hex(b []byte) string {
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:])
}

// reader is a body as handlers make it.
func reader(t testing.TB, r io.Reader, size int64) *minio.PutObjReader {
	t.Helper()
	h, err := hash.NewReader(r, size, "", "", size)
	must(t, err)
	return minio.NewPutObjReader(h)
}

func put(t testing.TB, l *Layer, bucket, key string, data []byte, defined ...string) minio.ObjectInfo {
	t.Helper()
	oi, err := tryPut(t, l, outsideCtx(t), bucket, key, data, defined...)
	if err != nil {
		t.Fatalf("put %s/%s: %v", bucket, key, err)
	}
	return oi
}

func tryPut(t testing.TB, l *Layer, ctx context.Context, bucket, key string, data []byte, defined ...string) (minio.ObjectInfo, error) {
	t.Helper()
	m := map[string]string{}
	for k := 0; k < len(defined); k += 2 {
		m[defined[k]] = defined[k+1]
	}
	return l.PutObject(ctx, bucket, key, reader(t, bytes.NewReader(data), int64(len(data))), minio.ObjectOptions{UserDefined: m})
}

func read(t testing.TB, l *Layer, bucket, key string, rs *minio.HTTPRangeSpec, opts minio.ObjectOptions) ([]byte, error) {
	t.Helper()
	gr, err := l.GetObjectNInfo(outsideCtx(t), bucket, key, rs, http.Header{}, 0, opts)
	if err != nil {
		return nil, err
	}
	defer func() { must(t, gr.Close()) }()
	return io.ReadAll(gr)
}

func get(t testing.TB, l *Layer, bucket, key string) []byte {
	t.Helper()
	b, err := read(t, l, bucket, key, nil, minio.ObjectOptions{})
	if err != nil {
		t.Fatalf("get %s/%s: %v", bucket, key, err)
	}
	return b
}

func head(t testing.TB, l *Layer, bucket, key string) minio.ObjectInfo {
	t.Helper()
	oi, err := l.GetObjectInfo(outsideCtx(t), bucket, key, minio.ObjectOptions{})
	if err != nil {
		t.Fatalf("head %s/%s: %v", bucket, key, err)
	}
	return oi
}

// absent fails unless a key is missing.
func absent(t testing.TB, l *Layer, bucket, key string) {
	t.Helper()
	_, err := l.GetObjectInfo(outsideCtx(t), bucket, key, minio.ObjectOptions{})
	if typeName(err) != typeName(minio.ObjectNotFound{}) {
		t.Errorf("head %s/%s: got %T %v, want ObjectNotFound", bucket, key, err, err)
	}
}

// keys lists a bucket as one line: keys and prefixes in the order of pages.
func keys(t testing.TB, l *Layer, bucket, prefix, marker, delimiter string, limit int) string {
	t.Helper()
	info, err := l.ListObjects(outsideCtx(t), bucket, prefix, marker, delimiter, limit)
	if err != nil {
		t.Fatalf("list %s %q: %v", bucket, prefix, err)
	}
	line := ""
	for _, o := range info.Objects {
		line += " " + o.Name
	}
	for _, p := range info.Prefixes {
		line += " [" + p + "]"
	}
	if info.IsTruncated {
		line += " > " + info.NextMarker
	}
	if line == "" {
		return ""
	}
	return line[1:]
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func metaOptions() meta.Options { return meta.Options{} }
