package interop

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

// register is what one key does, as S3 promises it: a read shows the last version that was put, or that there is none.
var register = porcupine.Model{
	Init: func() any { return uint64(0) },
	Step: func(state, input, output any) (bool, any) {
		if in, ok := input.(access); ok && in.write {
			return true, in.id
		}
		return output == state, state
	},
	DescribeOperation: func(input, output any) string {
		if in, ok := input.(access); ok && in.write {
			return fmt.Sprintf("%s %x", in.by, in.id)
		}
		return fmt.Sprintf("%s %x", input, output)
	},
}

// access is an operation on a key. The output of a read is the id of the version, 0 for none.
type access struct {
	by    string // the method
	write bool
	id    uint64 // that a write leaves
}

// Two of our gateways on one Redis volume are like one store: histories of PUT, GET, HEAD, DELETE, multipart uploads and listings
// on a few keys are linearizable, key by key. A page of a listing is not of one moment: it counts as a read of each key, some time
// while it was asked for.
func TestHistoriesAreLinearizable(t *testing.T) {
	t.Parallel()
	seed := seedOf(t)
	p := oracle.Ours(t)
	for _, c := range []struct {
		name  string
		trash int
		flags []string
	}{
		{"without trash", 0, []string{"--keep-etag"}},
		{"with trash, and no caches", 1, []string{"--keep-etag", "--attr-cache", "0", "--entry-cache", "0", "--dir-entry-cache", "0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := redis.format(t, p, oracle.FormatOptions{TrashDays: c.trash})
			f := &fight{T: t, v: v, bodies: map[uint64]body{}, ids: map[string]uint64{}, history: map[string][]step{}}
			for range 2 {
				f.gateways = append(f.gateways, oracle.Start(t, p, v, oracle.GatewayOptions{Flags: c.flags}))
			}
			l := &log{fight: f, began: time.Now(), ops: map[string][]porcupine.Operation{}}
			stop := after(8 * time.Second)
			var wg sync.WaitGroup
			for i := range 2 * workers {
				w := &logger{worker: f.worker(i, rand.New(rand.NewPCG(seed, uint64(i)))), log: l}
				wg.Go(func() {
					for !over(stop) && !t.Failed() {
						w.step()
					}
				})
			}
			wg.Wait()
			l.check()
			v.Settle(t, settleTime)
			for _, g := range f.gateways {
				g.Stop(t)
			}
			oracle.Judge(t, v)
		})
	}
}

// log is a history of several clients.
type log struct {
	*fight
	began time.Time
	ops   map[string][]porcupine.Operation // by key
}

// check looks for an order of the operations that explains what each has shown.
func (l *log) check() {
	l.Helper()
	total := 0
	for key, ops := range l.ops {
		total += len(ops)
		result, info := porcupine.CheckOperationsVerbose(register, ops, time.Minute)
		if result == porcupine.Ok {
			continue
		}
		l.Errorf("the history of %s, of %d operations, is %s", key, len(ops), result)
		longest := 0
		for _, part := range info.PartialLinearizations()[0] {
			longest = max(longest, len(part))
		}
		// The first operations that fit nowhere are not long after the longest beginning that does.
		for _, op := range ops[max(longest-10, 0):min(longest+10, len(ops))] {
			l.Logf("  %8.3f to %8.3f ms: client %d: %s", float64(op.Call)/1e6, float64(op.Return)/1e6, op.ClientId, register.DescribeOperation(op.Input, op.Output))
		}
	}
	if total < 100 {
		l.Errorf("%d operations, too few to show anything", total)
	}
	l.Logf("%d operations on %d keys", total, len(l.ops))
}

// logger is a client that notes what it does.
type logger struct {
	*worker
	log *log
}

// noteOp puts an operation that began at a time into the history.
func (w *logger) noteOp(key string, call time.Time, in access, out uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log.ops[key] = append(w.log.ops[key], porcupine.Operation{
		ClientId: w.number, Input: in, Call: call.Sub(w.log.began).Nanoseconds(), Output: out, Return: time.Since(w.log.began).Nanoseconds(),
	})
}

// step makes one request. None of them fails: nothing else goes on.
func (w *logger) step() {
	keys := []string{"a/x", "a/y", "b/x"}
	key := keys[w.rnd.IntN(len(keys))]
	call := time.Now()
	var err error
	switch w.rnd.IntN(6) {
	case 0:
		id, data := w.data(etagOf)
		call = time.Now()
		_, err = w.s3.PutObject(w.Context(), w.v.Name, key, bytes.NewReader(data), int64(len(data)), "", "", minio.PutObjectOptions{})
		w.noteOp(key, call, access{"PUT", true, id}, 0)
	case 1:
		err = w.s3.RemoveObject(w.Context(), w.v.Name, key, minio.RemoveObjectOptions{})
		w.noteOp(key, call, access{"DELETE", true, 0}, 0)
	case 2:
		var id uint64
		id, _, err = w.read(w.Context(), w.s3, key)
		w.noteOp(key, call, access{by: "GET"}, id)
	case 3:
		err = w.head(key, call)
	case 4:
		err = w.page(keys, call)
	case 5:
		err = w.upload(key)
	}
	if err != nil {
		w.Errorf("client %d: request for %s: %v", w.number, key, err)
	}
}

func (w *logger) head(key string, call time.Time) error {
	info, err := w.s3.StatObject(w.Context(), w.v.Name, key, minio.StatObjectOptions{})
	if code(err) == "NoSuchKey" {
		w.noteOp(key, call, access{by: "HEAD"}, 0)
		return nil
	}
	if err != nil {
		return err
	}
	w.noteOp(key, call, access{by: "HEAD"}, w.idOf(info.ETag))
	return nil
}

// page lists everything, which fits into one page.
func (w *logger) page(keys []string, call time.Time) error {
	res, err := w.s3.ListObjectsV2(w.v.Name, "", "", false, "", 1000)
	if err != nil {
		return err
	}
	there := map[string]uint64{}
	for _, o := range res.Contents {
		there[o.Key] = w.idOf(strings.Trim(o.ETag, `"`))
	}
	for _, key := range keys {
		w.noteOp(key, call, access{by: "LIST"}, there[key])
		delete(there, key)
	}
	if len(there) > 0 {
		return fmt.Errorf("the list has more: %v", there)
	}
	return nil
}

func (w *logger) upload(key string) error {
	id, data := w.data(func(b []byte) string { return etagOfParts([][]byte{b}) })
	upload, err := w.s3.NewMultipartUpload(w.Context(), w.v.Name, key, minio.PutObjectOptions{})
	if err != nil {
		return err
	}
	part, err := w.s3.PutObjectPart(w.Context(), w.v.Name, key, upload, 1, bytes.NewReader(data), int64(len(data)), "", "", nil)
	if err != nil {
		return err
	}
	call := time.Now()
	_, err = w.s3.CompleteMultipartUpload(w.Context(), w.v.Name, key, upload, []minio.CompletePart{{PartNumber: 1, ETag: part.ETag}})
	w.noteOp(key, call, access{"COMPLETE", true, id}, 0)
	return err
}

// idOf returns the id of the body with an ETag, and one that nothing has if there is none.
func (w *logger) idOf(etag string) uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if id, ok := w.ids[etag]; ok {
		return id
	}
	return 1<<63 - 1
}

// The model is one that a test can fail by.
func TestTheModelKnowsAStaleRead(t *testing.T) {
	op := func(client int, call, end int64, in access, out uint64) porcupine.Operation {
		return porcupine.Operation{ClientId: client, Input: in, Call: call, Output: out, Return: end}
	}
	history := func(read, at uint64) []porcupine.Operation {
		return []porcupine.Operation{
			op(0, 0, 10, access{"PUT", true, 1}, 0), op(1, 20, 30, access{"PUT", true, 2}, 0), op(2, int64(at), 50, access{by: "GET"}, read),
		}
	}
	for _, c := range []struct {
		read, at uint64
		want     bool
	}{{2, 40, true}, {1, 40, false}, {0, 40, false}, {1, 25, true}, {0, 25, false}} {
		if got := porcupine.CheckOperations(register, history(c.read, c.at)); got != c.want {
			t.Errorf("a read from %d on that shows %d is in order: %v, want %v", c.at, c.read, got, c.want)
		}
	}
}
