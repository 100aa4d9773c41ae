package budget

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

var original = flag.Bool("original", false, "count the requests of JuiceFS 1.4.1 as well, and print the table of both")

// deep is where objects are: four directories below the bucket.
const deep = "a/b/c/d/"

// operation is a request that is counted.
type operation struct {
	name string
	// Most turnarounds of the first request of a process for its bucket, and of a later one.
	cold, warm int64
	// prepare makes what request number i wants. It runs with a process of its own.
	prepare func(r *rig, bucket string, i int) error
	do      func(r *rig, bucket string, i int) error
}

// repeats is how often a warm request is counted.
const repeats = 2

// operations are in the order in which they are counted.
var operations = []operation{
	{"PUT of a new key", 2, 1, func(r *rig, b string, _ int) error { return r.put(b, "other") }, func(r *rig, b string, i int) error { return r.put(b, key(i)) }},
	{"PUT that replaces a key", 2, 2, putKey, putKey},
	{"HEAD", 1, 1, putKey, func(r *rig, b string, i int) error {
		_, err := r.s3.StatObject(r.Context(), b, key(i), minio.StatObjectOptions{})
		return err
	}},
	{"GET of 4 KiB", 1, 1, putKey, func(r *rig, b string, i int) error { return r.get(b, key(i), minio.GetObjectOptions{}, 4096) }},
	{"GET of the last byte of 64 chunks", 1, 1, putLarge, func(r *rig, b string, i int) error {
		o := minio.GetObjectOptions{}
		if err := o.SetRange(0, -1); err != nil {
			return err
		}
		return r.get(b, key(i), o, 1)
	}},
	{"DELETE", 2, 2, func(r *rig, b string, i int) error {
		if err := r.put(b, "other"); err != nil { // so that the directory stays
			return err
		}
		return r.put(b, key(i))
	}, func(r *rig, b string, i int) error {
		return r.s3.RemoveObject(r.Context(), b, key(i), minio.RemoveObjectOptions{})
	}},
	{"DELETE of 1,000 keys of one directory", 3, 3, putThousand, removeThousand},
	{"list of a page of 1,000 keys with ETags", 1, 1, func(r *rig, b string, i int) error {
		if i > 0 {
			return nil
		}
		return putThousand(r, b, 0)
	}, func(r *rig, b string, _ int) error {
		page, err := r.s3.ListObjectsV2(b, thousand(0), "", false, "/", 1000)
		if err == nil && (len(page.Contents) != 1000 || page.Contents[0].ETag == "") {
			err = fmt.Errorf("%d keys", len(page.Contents))
		}
		return err
	}},
	{"complete of an upload of 100 parts", 3, 3, putParts, completeParts},
}

func key(i int) string { return fmt.Sprintf("%sk%d", deep, i) }

func thousand(i int) string { return fmt.Sprintf("%st%d/", deep, i) }

// bytesOf is the data of small objects.
var bytesOf = bytes.Repeat([]byte("x"), 4096)

// put stores 4 KiB with metadata and tags. A name without a slash is put in the same directory as the others.
func (r *rig) put(bucket, name string) error {
	if !strings.Contains(name, "/") {
		name = deep + name
	}
	_, err := r.s3.PutObject(r.Context(), bucket, name, bytes.NewReader(bytesOf), int64(len(bytesOf)), "", "", minio.PutObjectOptions{
		ContentType: "text/plain", UserMetadata: map[string]string{"one": "1"}, UserTags: map[string]string{"two": "2"}})
	return err
}

func putKey(r *rig, bucket string, i int) error { return r.put(bucket, key(i)) }

func (r *rig) get(bucket, name string, o minio.GetObjectOptions, want int64) error {
	body, _, _, err := r.s3.GetObject(r.Context(), bucket, name, o)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // it was read
	n, err := io.Copy(io.Discard, body)
	if err == nil && n != want {
		err = fmt.Errorf("%d bytes, want %d", n, want)
	}
	return err
}

// putLarge makes an object of 64 chunks out of one, by copies that move no data.
func putLarge(r *rig, bucket string, i int) error {
	ctx, one := r.Context(), deep+"chunk"
	const chunk = 64 << 20
	if i == 0 {
		if _, err := r.s3.PutObject(ctx, bucket, one, bytes.NewReader(make([]byte, chunk)), chunk, "", "", minio.PutObjectOptions{}); err != nil {
			return err
		}
	}
	id, err := r.s3.NewMultipartUpload(ctx, bucket, key(i), minio.PutObjectOptions{})
	if err != nil {
		return err
	}
	var parts []minio.CompletePart
	for n := 1; n <= 64; n++ {
		var p minio.CompletePart
		if p, err = r.s3.CopyObjectPart(ctx, bucket, one, bucket, key(i), id, n, 0, chunk, nil); err != nil {
			return err
		}
		parts = append(parts, p)
	}
	_, err = r.s3.CompleteMultipartUpload(ctx, bucket, key(i), id, parts)
	return err
}

func putThousand(r *rig, bucket string, i int) error {
	const at = 4
	errs := make(chan error, at)
	for w := range at {
		go func() {
			for n := w; n < 1000; n += at {
				if err := r.put(bucket, fmt.Sprintf("%sn%d", thousand(i), n)); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	var err error
	for range at {
		if e := <-errs; e != nil {
			err = e
		}
	}
	return err
}

func removeThousand(r *rig, bucket string, i int) error {
	names := make(chan minio.ObjectInfo, 1000)
	for n := range 1000 {
		names <- minio.ObjectInfo{Key: fmt.Sprintf("%sn%d", thousand(i), n)}
	}
	close(names)
	for e := range r.s3.RemoveObjects(r.Context(), bucket, names, minio.RemoveObjectsOptions{}) {
		return fmt.Errorf("remove %s: %w", e.ObjectName, e.Err)
	}
	return nil
}

// upload is one that waits to be completed.
type upload struct {
	id    string
	parts []minio.CompletePart
}

// putParts makes the parts of an upload, by copies that move no data.
func putParts(r *rig, bucket string, i int) error {
	ctx, one := r.Context(), deep+"part"
	const size = 5 << 20
	if i == 0 {
		if _, err := r.s3.PutObject(ctx, bucket, one, bytes.NewReader(make([]byte, size)), size, "", "", minio.PutObjectOptions{}); err != nil {
			return err
		}
	}
	id, err := r.s3.NewMultipartUpload(ctx, bucket, key(i), minio.PutObjectOptions{UserMetadata: map[string]string{"one": "1"}})
	if err != nil {
		return err
	}
	u := upload{id: id}
	for n := 1; n <= 100; n++ {
		p, err := r.s3.CopyObjectPart(ctx, bucket, one, bucket, key(i), id, n, 0, size, nil)
		if err != nil {
			return err
		}
		u.parts = append(u.parts, p)
	}
	r.uploads[bucket+key(i)] = u
	return nil
}

func completeParts(r *rig, bucket string, i int) error {
	u := r.uploads[bucket+key(i)]
	_, err := r.s3.CompleteMultipartUpload(r.Context(), bucket, key(i), u.id, u.parts)
	return err
}

// counts are what the operations took.
type counts struct{ cold, warm int64 }

// measure counts all operations of a program.
func measure(t *testing.T, p oracle.Program) []counts {
	t.Helper()
	r := newRig(t, p)
	g := r.serve("10m")
	bucket := func(n int) string { return fmt.Sprintf("bucket-%d", n) }
	for n, o := range operations {
		r.must(r.s3.MakeBucket(t.Context(), bucket(n), minio.MakeBucketOptions{}))
		for i := range repeats + 1 {
			r.must(o.prepare(r, bucket(n), i))
		}
	}
	g.Stop(t)
	r.serve("10m")
	out := make([]counts, len(operations))
	for n, o := range operations {
		out[n].cold = r.count(o.name, func() error { return o.do(r, bucket(n), 0) })
		r.settle()
	}
	for n, o := range operations {
		out[n].warm = r.least(o.name, repeats, func(i int) error { return o.do(r, bucket(n), i+1) })
	}
	return out
}

func TestBudgets(t *testing.T) {
	ours := measure(t, oracle.Ours(t))
	for n, o := range operations {
		if got := ours[n]; got.cold > o.cold || got.warm > o.warm {
			t.Errorf("%s: %d turnarounds cold and %d warm, at most %d and %d are allowed", o.name, got.cold, got.warm, o.cold, o.warm)
		}
	}
	if !*original {
		return
	}
	theirs := measure(t, oracle.Real(t))
	fmt.Println("| request | this program, cold / warm | juicefs-1.4.1, cold / warm |\n|---|---|---|")
	for n, o := range operations {
		fmt.Printf("| %s | %d / %d | %d / %d |\n", o.name, ours[n].cold, ours[n].warm, theirs[n].cold, theirs[n].warm)
	}
}

// TestHeartbeat counts what an idle gateway asks: its heartbeats, and nothing else. The original is shown beside it.
func TestHeartbeat(t *testing.T) {
	const most, beats = 2, 3
	programs := []oracle.Program{oracle.Ours(t)}
	if *original {
		programs = append(programs, oracle.Real(t))
	}
	for _, p := range programs {
		r := newRig(t, p)
		oracle.Start(t, p, r.volume, oracle.GatewayOptions{Flags: append([]string{"--heartbeat", "2s"}, everything...)})
		r.beat()
		r.proxy.Reset()
		for range beats {
			r.beat()
		}
		n := r.proxy.Turnarounds()
		t.Logf("%s: %d turnarounds in %d heartbeats", p.Name, n, beats)
		if !p.Original && n > most*beats {
			t.Errorf("%d turnarounds in %d heartbeats, at most %d each are allowed", n, beats, most)
		}
	}
}

// beat waits until the session of the only client is renewed, and what belongs to the heartbeat is over. Sessions end at whole
// seconds, so heartbeats must be further apart than one.
func (r *rig) beat() {
	r.Helper()
	expiry := func() string { return fmt.Sprint(r.server.Do(r, "ZRANGE", "allSessions", 0, -1, "WITHSCORES")) }
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.Now().Add(time.Minute)
	for before := expiry(); expiry() == before; <-tick.C {
		if time.Now().After(end) {
			r.Fatal("the session is not renewed")
		}
	}
	r.settle()
}
