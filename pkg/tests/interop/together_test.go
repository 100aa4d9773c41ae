package interop

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

const (
	workers    = 3  // at each gateway
	operations = 80 // of each worker
)

// step is one operation of a history on one key.
type step struct {
	began, ended time.Time
	worker       string
	id           uint64 // of the bytes that were put; 0: the key was removed
	size         int
	unsure       bool // perhaps done, perhaps not, perhaps later
}

// Both programs change the same few keys at the same time. Afterwards each key holds what some operation left that no later one
// replaced for sure, through either gateway, and the judge is content.
//
// While it lasts nobody reads: the original's GET can pair the ETag of one version with the bytes of another. And its PUT can fail
// where a removal next to it takes the emptied directory away: a failed operation may have happened or not.
func TestBothChangeTheSameKeysAtOnce(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("INTEROP_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("again with INTEROP_SEED=%d", seed)
	forPairs(t, func(t *testing.T, writer, reader oracle.Program) {
		v := oracle.Format(t, writer, oracle.FormatOptions{})
		gateways := []*oracle.Gateway{start(t, writer, v, single), start(t, reader, v, single)}

		var mu sync.Mutex
		history := map[string][]step{}
		var wg sync.WaitGroup
		for i, g := range gateways {
			for w := range workers {
				name := fmt.Sprintf("%s, gateway %d, worker %d", g.Program.Name, i, w)
				rnd := rand.New(rand.NewPCG(seed, uint64(i*workers+w)))
				s3 := g.Core(t)
				wg.Go(func() {
					for n := range operations {
						key := fmt.Sprintf("d%d/k%d", rnd.IntN(3), rnd.IntN(3))
						s := step{worker: name, began: time.Now()}
						var err error
						if rnd.IntN(3) == 0 {
							err = s3.RemoveObject(t.Context(), v.Name, key, minio.RemoveObjectOptions{})
						} else {
							s.id, s.size = uint64(i*workers+w)<<32|uint64(n+1), 8+rnd.IntN(100*kib)
							data := stamped(s.id, s.size)
							_, err = s3.PutObject(t.Context(), v.Name, key, bytes.NewReader(data), int64(len(data)), "", "", minio.PutObjectOptions{})
						}
						// The original answers 204 to a removal that failed.
						s.ended, s.unsure = time.Now(), err != nil || s.id == 0 && g.Program.Original
						if err != nil && !g.Program.Original {
							t.Errorf("%s: %s: %v", name, key, err)
						}
						mu.Lock()
						history[key] = append(history[key], s)
						mu.Unlock()
					}
				})
			}
		}
		wg.Wait()
		if t.Failed() {
			return
		}

		b := newBucket(v.Name)
		for key, steps := range history {
			final(t, gateways[0].Core(t), b, key, steps)
		}
		if writer.Original || reader.Original {
			b.allowLeftovers()
		}
		verify(t, gateways[0], b)
		verify(t, gateways[1], b)
		v.Settle(t, settleTime)
		for _, g := range gateways {
			g.Stop(t)
		}
		oracle.Judge(t, v)
	})
}

// final reads a key's last state, checks that the history allows it, and notes it in the model.
func final(t *testing.T, s3 *minio.Core, b *bucket, key string, steps []step) {
	t.Helper()
	var id uint64
	data, err := getAll(t.Context(), s3, b.name, key)
	switch {
	case code(err) == "NoSuchKey":
		b.drop(key)
	case err != nil || len(data) < 8:
		t.Errorf("GET %s: %d bytes, %v", key, len(data), err)
		return
	default:
		id = binary.BigEndian.Uint64(data)
		if !bytes.Equal(data, stamped(id, len(data))) {
			t.Errorf("GET %s: bytes that nobody wrote", key)
		}
		b.set(key, &object{data: data, etag: etagOf(data)})
	}
	for _, s := range steps {
		if s.id == id && (id == 0 || s.size == len(data)) && !replaced(s, steps) {
			return
		}
	}
	t.Errorf("%s holds %x, which the history does not allow:", key, id)
	for _, s := range steps {
		t.Logf("  %s to %s: %x, unsure %v, by %s", s.began.Format("05.000000"), s.ended.Format("05.000000"), s.id, s.unsure, s.worker)
	}
}

// replaced says whether an operation that succeeded began after s had ended.
func replaced(s step, steps []step) bool {
	if s.unsure {
		return false // its end is not known
	}
	for _, o := range steps {
		if !o.unsure && o.began.After(s.ended) {
			return true
		}
	}
	return false
}

// stamped returns n bytes that begin with an id and follow from it.
func stamped(id uint64, n int) []byte {
	data := content(strconv.FormatUint(id, 16), n)
	binary.BigEndian.PutUint64(data, id)
	return data
}

func getAll(ctx context.Context, s3 *minio.Core, bucket, key string) ([]byte, error) {
	body, _, _, err := s3.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	var data bytes.Buffer
	_, err = data.ReadFrom(body)
	_ = body.Close() // read to its end, or broken anyway
	return data.Bytes(), err
}
