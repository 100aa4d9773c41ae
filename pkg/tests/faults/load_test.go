package faults

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // entity tags are MD5
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

const (
	workers  = 8
	ownKeys  = 5        // of each worker
	mostSize = 40 << 10 // bytes of an object
)

// load is a set of clients, each with keys of its own.
type load struct {
	w       *world
	authors []*author
	stop    atomic.Bool
	running sync.WaitGroup
	acked   atomic.Int64 // operations that succeeded
	refused atomic.Int64 // operations that were answered with 503
}

// author is one client.
type author struct {
	l    *load
	rnd  *rand.Rand
	dir  string
	last uint64              // the last version that was made
	may  map[string][]uint64 // key → versions that it may hold; 0: none. More than one after a write that was refused
}

// newLoad returns clients that do nothing yet.
func newLoad(w *world) *load {
	w.t.Helper()
	seed := uint64(time.Now().UnixNano())
	w.t.Logf("seed of the load: %d", seed)
	l := &load{w: w}
	for i := range workers {
		l.authors = append(l.authors, &author{l: l, rnd: rand.New(rand.NewPCG(seed, uint64(i))), dir: fmt.Sprintf("w%d", i), //nolint:gosec // a history to repeat
			last: uint64(i) << 32, may: map[string][]uint64{}})
	}
	return l
}

// begin lets the clients work until end, whatever they hear.
func (l *load) begin() {
	l.stop.Store(false)
	for _, a := range l.authors {
		l.running.Go(func() {
			for !l.stop.Load() && !l.w.t.Failed() {
				a.step()
			}
		})
	}
}

// end stops the clients.
func (l *load) end() {
	l.stop.Store(true)
	l.running.Wait()
}

// goesOn waits until n more operations have succeeded.
func (l *load) goesOn(n int64) {
	l.w.t.Helper()
	from := l.acked.Load()
	oracle.Poll(l.w.t, healTime, func() error {
		if done := l.acked.Load() - from; done < n && !l.w.t.Failed() {
			return fmt.Errorf("%d of %d operations, %d refused", done, n, l.refused.Load())
		}
		return nil
	})
}

// ok tells whether an operation succeeded. The only other thing that it may be told is 503 SlowDown.
func (l *load) ok(what string, err error) bool {
	l.w.t.Helper()
	if err == nil {
		l.acked.Add(1)
		return true
	}
	l.refused.Add(1)
	l.w.slowDown(what, err)
	return false
}

// slowDown fails unless err says that the client may try again.
func (w *world) slowDown(what string, err error) {
	w.t.Helper()
	if r := minio.ToErrorResponse(err); r.StatusCode != http.StatusServiceUnavailable || r.Code != "SlowDown" {
		w.t.Errorf("%s: got %v (%d %s), want 503 SlowDown", what, err, r.StatusCode, r.Code)
	}
	w.hasNoSecret("an error", []byte(fmt.Sprint(err)))
}

// step does one operation, chosen by chance.
func (a *author) step() {
	ctx, cancel := context.WithTimeout(a.l.w.t.Context(), refuseTime)
	defer cancel()
	key := fmt.Sprintf("%s/k%d", a.dir, a.rnd.IntN(ownKeys))
	switch n := a.rnd.IntN(10); {
	case n < 5:
		a.put(ctx, key)
	case n < 7:
		err := a.l.w.s3.RemoveObject(ctx, a.l.w.bucket, key, minio.RemoveObjectOptions{})
		a.wrote(key, 0, a.l.ok("DELETE "+key, err))
	case n < 9:
		a.get(ctx, key)
	default:
		_, err := a.l.w.list(a.dir + "/")
		a.l.ok("LIST "+a.dir, err)
	}
}

func (a *author) put(ctx context.Context, key string) {
	a.last++
	id := a.last
	data := version(id, 8+a.rnd.IntN(mostSize))
	_, err := a.l.w.s3.PutObject(ctx, a.l.w.bucket, key, bytes.NewReader(data), int64(len(data)), "", "",
		minio.PutObjectOptions{UserMetadata: map[string]string{"Id": strconv.FormatUint(id, 10)}})
	a.wrote(key, id, a.l.ok("PUT "+key, err))
}

// wrote remembers a write.
func (a *author) wrote(key string, id uint64, sure bool) {
	switch {
	case sure:
		a.may[key] = []uint64{id}
	case a.may[key] == nil:
		a.may[key] = []uint64{0, id}
	default:
		a.may[key] = append(a.may[key], id)
	}
}

func (a *author) get(ctx context.Context, key string) {
	a.l.w.t.Helper()
	id, _, err := a.l.w.get(ctx, key)
	if a.l.ok("GET "+key, err) && !a.allowed(key, id) {
		a.l.w.t.Errorf("GET %s: version %x, want one of %x", key, id, a.may[key])
	}
}

func (a *author) allowed(key string, id uint64) bool {
	return slices.Contains(a.may[key], id) || a.may[key] == nil && id == 0
}

// check looks at every key: it holds what was acknowledged last or something that was refused since, whole, and listings show
// the same.
func (l *load) check() {
	t := l.w.t
	t.Helper()
	for _, a := range l.authors {
		listed, err := l.w.list(a.dir + "/")
		must(t, err)
		for i := range ownKeys {
			key := fmt.Sprintf("%s/k%d", a.dir, i)
			id, etag, err := l.w.get(t.Context(), key)
			must(t, err)
			if !a.allowed(key, id) {
				t.Errorf("%s holds version %x, want one of %x", key, id, a.may[key])
			}
			if listed[key] != etag {
				t.Errorf("%s: the listing has ETag %q, GET %q", key, listed[key], etag)
			}
			delete(listed, key)
		}
		if len(listed) > 0 {
			t.Errorf("keys that nobody wrote: %v", listed)
		}
	}
}

// get reads an object and checks that data, ETag and metadata are of one version, which it returns; 0: there is no object.
func (w *world) get(ctx context.Context, key string) (id uint64, etag string, err error) {
	w.t.Helper()
	body, info, h, err := w.s3.GetObject(ctx, w.bucket, key, minio.GetObjectOptions{})
	if minio.ToErrorResponse(err).Code == "NoSuchKey" {
		return 0, "", nil
	}
	if err != nil {
		return 0, "", err
	}
	data, err := io.ReadAll(body)
	_ = body.Close() // read to its end, or broken anyway
	if err != nil {
		return 0, "", fmt.Errorf("%w after the reply had begun", err)
	}
	if len(data) < 8 {
		w.t.Errorf("GET %s: %d bytes", key, len(data))
		return 0, "", nil
	}
	id = binary.BigEndian.Uint64(data)
	if !bytes.Equal(data, version(id, len(data))) {
		w.t.Errorf("GET %s: bytes that nobody wrote", key)
	}
	sum := md5.Sum(data) //nolint:gosec // as above
	if etag = strings.Trim(info.ETag, `"`); etag != hex.EncodeToString(sum[:]) {
		w.t.Errorf("GET %s: ETag %s is not that of the data", key, etag)
	}
	if got := h.Get("X-Amz-Meta-Id"); got != strconv.FormatUint(id, 10) {
		w.t.Errorf("GET %s: metadata %q of version %d", key, got, id)
	}
	return id, etag, nil
}

// list returns keys and ETags, of which there are few. The library's call has no context.
func (w *world) list(prefix string) (map[string]string, error) {
	r, err := w.s3.ListObjectsV2(w.bucket, prefix, "", false, "", 1000)
	keys := map[string]string{}
	for _, o := range r.Contents {
		keys[o.Key] = strings.Trim(o.ETag, `"`)
	}
	return keys, err
}

// version returns n bytes that begin with an id and follow from it.
func version(id uint64, n int) []byte {
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], id)
	data := make([]byte, n)
	_, _ = rand.NewChaCha8(seed).Read(data) // never fails
	binary.BigEndian.PutUint64(data, id)
	return data
}
