package interop

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

const kills = 50

// One of two gateways of ours on Redis is killed in the middle of uploads, again and again. At the other everything that was
// acknowledged is there and whole, and of what was not there is all or nothing; it cleans the dead sessions up. What remains are
// blocks that belong to nothing, for gc, and uploads that somebody could go on with.
func TestOneOfTwoIsKilledFiftyTimes(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(seedOf(t), 0))
	p := oracle.Ours(t)
	v := redis.format(t, p, oracle.FormatOptions{})
	living := start(t, p, v, single)
	k := &killing{T: t, bucket: v.Name, s3: living.Core(t), acked: map[string][]byte{}, pending: map[string][]byte{}, late: map[string][]byte{}}
	for round := range kills {
		g := start(t, p, v, single)
		enough := make(chan struct{}) // closed when as many uploads were acknowledged as this round has
		k.left, k.enough = 1+rnd.IntN(25), enough
		s3 := g.Core(t)
		var wg sync.WaitGroup
		for i, write := range []func(*minio.Core, string, []byte) error{k.put, k.put, k.parts} {
			sizes := rand.New(rand.NewPCG(rnd.Uint64(), 0))
			wg.Go(func() {
				for n := 0; ; n++ {
					key := fmt.Sprintf("r%d/w%d/n%d", round, i, n)
					if n%3 == 2 {
						key = fmt.Sprintf("again/w%d", i) // replaced over and over
					}
					// Mostly small; some of more than a block.
					data := content(fmt.Sprint(round, i, n), 1+sizes.IntN(64*kib))
					if sizes.IntN(8) == 0 {
						data = content(fmt.Sprint(round, i, n), 5*mib+sizes.IntN(mib))
					}
					if !k.upload(s3, key, data, write) {
						return
					}
				}
			})
		}
		select {
		case <-enough:
		case <-g.Ended():
		}
		g.Kill(t)
		wg.Wait()
		k.settle()
		if t.Failed() {
			return
		}
	}
	k.pending = k.late // a commit that was on its way may have come after the first look
	k.settle()
	b := newBucket(v.Name)
	for key, data := range k.acked {
		b.set(key, &object{data: data})
		got, err := getAll(t.Context(), k.s3, v.Name, key)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("GET %s, which was acknowledged: %v, %s", key, err, difference(got, data))
		}
	}
	(&reader{T: t, g: living, s3: k.s3, b: b}).listing()
	t.Logf("%d objects", len(k.acked))
	oracle.Poll(t, staleTime, func() error {
		if n := len(v.Status(t).Sessions); n != 1 {
			return fmt.Errorf("%d sessions, want that of the living gateway", n)
		}
		return nil
	})
	living.Stop(t)
	if f := v.Fsck(t, "--path", "/", "--recursive", "--sync-dir-stat"); f.Code != 0 || len(f.Findings) > 0 {
		t.Errorf("fsck is not content: %s", f)
	}
	if g := v.GC(t, "--delete"); g.Code != 0 {
		t.Errorf("gc --delete: %s", g)
	}
	oracle.Judge(t, v)
}

// killing is what the clients of the gateway that is killed know.
type killing struct {
	*testing.T
	bucket string
	s3     *minio.Core // of the gateway that lives

	mu      sync.Mutex
	acked   map[string][]byte
	pending map[string][]byte // sent, without an answer
	late    map[string][]byte // pending once, and did not show
	left    int               // uploads until the kill
	enough  chan<- struct{}
}

// upload writes an object and notes what came of it. It returns false when the gateway is gone.
func (k *killing) upload(s3 *minio.Core, key string, data []byte, write func(*minio.Core, string, []byte) error) bool {
	k.mu.Lock()
	k.pending[key] = data
	k.mu.Unlock()
	err := write(s3, key, data)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		return false
	}
	delete(k.pending, key)
	delete(k.late, key)
	k.acked[key] = data
	if k.left--; k.left == 0 {
		close(k.enough)
	}
	return true
}

func (k *killing) put(s3 *minio.Core, key string, data []byte) error {
	_, err := s3.PutObject(k.Context(), k.bucket, key, bytes.NewReader(data), int64(len(data)), "", "", minio.PutObjectOptions{})
	return err
}

// parts writes an object by an upload of two parts, if it is large enough.
func (k *killing) parts(s3 *minio.Core, key string, data []byte) error {
	id, err := s3.NewMultipartUpload(k.Context(), k.bucket, key, minio.PutObjectOptions{})
	if err != nil {
		return err
	}
	var list []minio.CompletePart
	for n := 1; len(data) > 0; n++ {
		piece := data[:min(len(data), 5*mib)]
		data = data[len(piece):]
		var part minio.ObjectPart
		if part, err = s3.PutObjectPart(k.Context(), k.bucket, key, id, n, bytes.NewReader(piece), int64(len(piece)), "", "", nil); err != nil {
			return err
		}
		list = append(list, minio.CompletePart{PartNumber: n, ETag: part.ETag})
	}
	_, err = s3.CompleteMultipartUpload(k.Context(), k.bucket, key, id, list)
	return err
}

// settle looks, at the gateway that lives, at what was not answered: the object is what it was before, or what was sent.
func (k *killing) settle() {
	k.Helper()
	for key, sent := range k.pending {
		got, err := getAll(k.Context(), k.s3, k.bucket, key)
		before, was := k.acked[key]
		switch {
		case err == nil && bytes.Equal(got, sent):
			k.acked[key] = sent
		case err == nil && was && bytes.Equal(got, before), code(err) == "NoSuchKey" && !was:
			k.late[key] = sent
		default:
			k.Errorf("GET %s, which was not acknowledged: %v, %s", key, err, difference(got, sent))
		}
	}
	k.pending = map[string][]byte{}
}
