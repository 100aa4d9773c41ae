package interop

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

// worker makes one request after the other at one gateway of a fight.
type worker struct {
	*fight
	number int
	g      *oracle.Gateway
	s3     *minio.Core
	other  *minio.Core // of another gateway of ours; nil: there is none
	rnd    *rand.Rand
	n      uint64 // bodies so far
}

func (f *fight) worker(number int, rnd *rand.Rand) *worker {
	f.Helper()
	g := f.gateways[number/workers]
	w := &worker{fight: f, number: number, g: g, s3: g.Core(f), rnd: rnd}
	for _, o := range f.gateways {
		if o != g && !o.Program.Original {
			w.other = o.Core(f)
		}
	}
	return w
}

// run works until a channel says so. Requests under way are finished.
func (w *worker) run(stop <-chan struct{}) {
	for !over(stop) && !w.Failed() {
		key := fmt.Sprintf("d%d/k%d", w.rnd.IntN(directories), w.rnd.IntN(contested))
		switch n := w.rnd.IntN(20); {
		case n < 6:
			w.put(key)
		case n < 9:
			w.note(key, step{began: time.Now()}, w.s3.RemoveObject(w.Context(), w.v.Name, key, minio.RemoveObjectOptions{}))
		case n < 12:
			w.get(key)
		case n < 14:
			w.list(w.rnd.IntN(directories))
		case n < 16:
			w.copied(key)
		case n < 18:
			w.parts(key)
		default:
			w.mine()
		}
		w.mu.Lock()
		w.counts[w.number/workers]++
		w.mu.Unlock()
	}
}

// after returns a channel that is closed after some time.
func after(d time.Duration) <-chan struct{} {
	c := make(chan struct{})
	time.AfterFunc(d, func() { close(c) })
	return c
}

// over says whether a channel was closed.
func over(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

// note puts an operation into the history, which failed if err is not nil.
func (w *worker) note(key string, s step, err error) {
	s.worker, s.ended = fmt.Sprintf("%s, worker %d", w.g.Program.Name, w.number), time.Now()
	// The original answers 204 to a removal that failed.
	s.unsure = err != nil || s.id == 0 && !s.any && w.g.Program.Original
	w.fails("change of "+key, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.history[key] = append(w.history[key], s)
}

// fails reports an error of ours.
func (w *worker) fails(what string, err error) {
	if err != nil && !w.g.Program.Original {
		w.Errorf("%s, worker %d: %s: %v", w.g.Program.Name, w.number, what, err)
	}
}

// data makes a body that has not been there before.
func (w *worker) data(etag func([]byte) string) (uint64, []byte) {
	w.n++
	id := uint64(w.number)<<32 | w.n
	size := 8 + w.rnd.IntN(100*kib)
	if w.dataGoes && w.rnd.IntN(8) == 0 {
		size = 9 * mib // several blocks, so that reads take a while
	}
	data := stamped(id, size)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bodies[id] = body{size: len(data), etag: etag(data)}
	w.ids[etag(data)] = id
	return id, data
}

func (w *worker) put(key string) {
	id, data := w.data(etagOf)
	s := step{began: time.Now(), id: id}
	_, err := w.s3.PutObject(w.Context(), w.v.Name, key, bytes.NewReader(data), int64(len(data)), "", "", minio.PutObjectOptions{})
	w.note(key, s, err)
}

// parts puts an object by an upload of one part.
func (w *worker) parts(key string) {
	id, data := w.data(func(b []byte) string { return etagOfParts([][]byte{b}) })
	upload, err := w.s3.NewMultipartUpload(w.Context(), w.v.Name, key, minio.PutObjectOptions{})
	if err != nil {
		w.fails("begin upload of "+key, err)
		return
	}
	part, err := w.s3.PutObjectPart(w.Context(), w.v.Name, key, upload, 1, bytes.NewReader(data), int64(len(data)), "", "", nil)
	if err != nil {
		w.fails("part of "+key, err)
		return
	}
	s := step{began: time.Now(), id: id}
	_, err = w.s3.CompleteMultipartUpload(w.Context(), w.v.Name, key, upload, []minio.CompletePart{{PartNumber: 1, ETag: part.ETag}})
	w.note(key, s, err)
}

// copied copies a contested key. The original's copies go to keys of their own: what they hold is not sure.
func (w *worker) copied(src string) {
	s := step{began: time.Now(), any: w.g.Program.Original}
	dst := fmt.Sprintf("d%d/k%d", w.rnd.IntN(directories), w.rnd.IntN(contested))
	if s.any {
		dst = fmt.Sprintf("d%d/copy", w.rnd.IntN(directories))
	}
	if dst == src {
		return
	}
	info, err := w.s3.CopyObject(w.Context(), w.v.Name, src, w.v.Name, dst, nil, minio.CopySrcOptions{}, minio.PutObjectOptions{})
	if (code(err) == "NoSuchKey" || code(err) == "RequestTimeout") && !s.any {
		return // no source, or another one than at the beginning of the request: nothing was done
	}
	if err == nil && !s.any {
		w.mu.Lock()
		s.id = w.ids[info.ETag]
		w.mu.Unlock()
		if s.id == 0 {
			w.Errorf("worker %d: copy of %s has the ETag %q, which nothing has that was put", w.number, src, info.ETag)
		}
	}
	w.note(dst, s, err)
}

func (w *worker) get(key string) {
	if w.g.Program.Original {
		_, _ = getAll(w.Context(), w.s3, w.v.Name, key) // only that it is done matters
		return
	}
	_, _, err := w.read(w.Context(), w.s3, key)
	var wrong wrongBytes
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil:
		w.reads++
	case w.dataGoes && !errors.As(err, &wrong):
		w.ended++
	default:
		w.Errorf("worker %d: GET %s: %v", w.number, key, err)
	}
}

// list lists a directory in pages. The key that nobody touches is there, others are known, each once and in order.
func (w *worker) list(dir int) {
	prefix := fmt.Sprintf("d%d/", dir)
	var keys []string
	for token := ""; ; {
		res, err := w.s3.ListObjectsV2(w.v.Name, prefix, token, false, "", 1+w.rnd.IntN(10))
		if err != nil {
			w.fails("list of "+prefix, err)
			return
		}
		for _, o := range res.Contents {
			keys = append(keys, o.Key)
		}
		if !res.IsTruncated {
			break
		}
		token = res.NextContinuationToken
	}
	if w.g.Program.Original {
		return
	}
	if !slices.Contains(keys, fixed(dir)) || !slices.IsSorted(keys) || len(slices.Compact(slices.Clone(keys))) != len(keys) {
		w.Errorf("worker %d: list of %s: %q", w.number, prefix, keys)
	}
	for _, key := range keys {
		if !strings.HasPrefix(key, prefix) {
			w.Errorf("worker %d: list of %s has %s", w.number, prefix, key)
		}
	}
}

// mine puts or removes a key of this worker, which no other touches: what was acknowledged shows at the other gateway at once.
func (w *worker) mine() {
	key := fmt.Sprintf("d%d/own%d-%d", w.rnd.IntN(directories), w.number, w.rnd.IntN(20))
	s := step{began: time.Now()}
	var err error
	if w.rnd.IntN(3) == 0 {
		err = w.s3.RemoveObject(w.Context(), w.v.Name, key, minio.RemoveObjectOptions{})
	} else {
		var data []byte
		s.id, data = w.data(etagOf)
		_, err = w.s3.PutObject(w.Context(), w.v.Name, key, bytes.NewReader(data), int64(len(data)), "", "", minio.PutObjectOptions{})
	}
	w.note(key, s, err)
	if err != nil || w.g.Program.Original || w.other == nil {
		return
	}
	if id, _, err := w.read(w.Context(), w.other, key); err != nil || id != s.id {
		w.Errorf("worker %d: its own %s holds %x, as the other gateway says, want %x; %v", w.number, key, id, s.id, err)
	}
}
