package interop

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

const workers = 3 // at each gateway

// seedOf returns the seed of a random test, and says how to have it again.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("INTEROP_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("again with INTEROP_SEED=%d", seed)
	return seed
}

// Both programs work in the same directories at the same time: they put, copy, complete, remove, read and list a few keys that all
// fight over, and keys that only one worker touches. Afterwards each contested key holds what some operation left that no later
// one replaced for sure, nobody's own object is missing, through either gateway, and the judge is content.
//
// What the original answers meanwhile is not judged: its GET can pair the ETag of one version with the bytes of another, and its
// PUT can fail where a removal next to it takes the emptied directory away. A failed operation may have happened or not.
//
// Without trash the original removes data at once that somebody still reads: a GET of ours may end with an error then, but never with
// short or wrong bytes.
func TestBothChangeTheSameKeysAtOnce(t *testing.T) {
	t.Parallel()
	seed := seedOf(t)
	for _, c := range []struct {
		engine engine
		pair   pair
		trash  int // days
		time   time.Duration
	}{
		{sqlite, originals, 1, 5 * time.Second},
		{sqlite, originalThenOurs, 1, 10 * time.Second},
		{sqlite, originalThenOurs, 0, 10 * time.Second},
		{redis, originalThenOurs, 1, time.Minute},
		{redis, originalThenOurs, 0, 20 * time.Second},
		{redis, ours, 0, 10 * time.Second},
	} {
		t.Run(fmt.Sprintf("%s, %s, %d days of trash", c.engine.name, c.pair.name, c.trash), func(t *testing.T) {
			t.Parallel()
			programs := []oracle.Program{c.pair.writer(t), c.pair.reader(t)}
			v := c.engine.format(t, programs[0], oracle.FormatOptions{TrashDays: c.trash})
			f := &fight{T: t, v: v, bodies: map[uint64]body{}, ids: map[string]uint64{}, history: map[string][]step{}}
			for _, p := range programs {
				f.gateways = append(f.gateways, start(t, p, v, single))
				f.dataGoes = f.dataGoes || c.trash == 0 && p.Original
			}
			f.begin()
			stop := after(c.time)
			var wg sync.WaitGroup
			for i := range workers * len(f.gateways) {
				w := f.worker(i, rand.New(rand.NewPCG(seed, uint64(i))))
				wg.Go(func() { w.run(stop) })
			}
			wg.Wait()
			f.end()
		})
	}
}

// step is one operation of a history on one key.
type step struct {
	began, ended time.Time
	worker       string
	id           uint64 // of the bytes that were put; 0: the key was removed
	any          bool   // the bytes may be any that were ever put: the original copied a key that changed meanwhile
	unsure       bool   // perhaps done, perhaps not, perhaps later
}

// body is what was put under an id.
type body struct {
	size int
	etag string
}

// fight is a history of several workers at several gateways in one bucket.
type fight struct {
	*testing.T
	v        *oracle.Volume
	gateways []*oracle.Gateway
	dataGoes bool // from under reads: the original removes without trash

	mu      sync.Mutex
	reads   int // of ours that came to their end
	ended   int // of ours that an error ended because the data went
	bodies  map[uint64]body
	ids     map[string]uint64 // by ETag
	history map[string][]step
	counts  [2]int // operations, by gateway
}

const (
	directories = 3
	contested   = 3 // keys in each
)

// fixed is a key of each directory that nobody touches.
func fixed(dir int) string { return fmt.Sprintf("d%d/fixed", dir) }

// begin makes the keys that stay.
func (f *fight) begin() {
	f.Helper()
	for dir := range directories {
		data := content(fixed(dir), 100)
		if _, err := f.gateways[0].Core(f).PutObject(f.Context(), f.v.Name, fixed(dir), bytes.NewReader(data), 100, "", "", minio.PutObjectOptions{}); err != nil {
			f.Fatal(err)
		}
	}
}

// end looks at what is left.
func (f *fight) end() {
	f.Helper()
	f.Logf("%d operations at the first gateway, %d at the second", f.counts[0], f.counts[1])
	if f.counts[0] < 10 || f.counts[1] < 10 {
		f.Error("too few to show anything")
	}
	if f.Failed() {
		return
	}
	b := newBucket(f.v.Name)
	s3 := f.gateways[0].Core(f)
	for key, steps := range f.history {
		f.final(s3, b, key, steps)
	}
	for dir := range directories {
		data := content(fixed(dir), 100)
		b.set(fixed(dir), &object{data: data, etag: etagOf(data)})
	}
	for _, g := range f.gateways {
		if g.Program.Original {
			b.allowLeftovers()
		}
	}
	for _, g := range f.gateways {
		verify(f.T, g, b)
	}
	f.settle()
	oracle.Judge(f, f.v)
}

// settle stops the gateways when nothing waits for its removal any more.
func (f *fight) settle() {
	f.Helper()
	if f.dataGoes {
		f.Logf("%d reads of ours, %d of them ended by an error", f.reads+f.ended, f.ended)
		if f.reads < 10 {
			f.Error("too few to show anything")
		}
		// What the original removed while it had it open, it keeps until it ends, and leaves to whoever cleans up within the hour.
		for _, g := range f.gateways {
			if g.Program.Original {
				g.Stop(f)
			}
		}
		oracle.Poll(f, settleTime, func() error {
			if d := f.v.Dump(f); len(d.Sustained) > 0 {
				return fmt.Errorf("sustained inodes %v of gateways that nobody reads from", d.Sustained)
			}
			return nil
		})
		if g := f.v.GC(f, "--delete"); g.Code != 0 {
			f.Errorf("gc --delete: %s", g)
		}
	}
	f.v.Settle(f, settleTime)
	for _, g := range f.gateways {
		if !over(g.Ended()) {
			g.Stop(f)
		}
	}
}

// final reads a key's last state, checks that the history allows it, and notes it in the model.
func (f *fight) final(s3 *minio.Core, b *bucket, key string, steps []step) {
	f.Helper()
	id, data, err := f.read(f.Context(), s3, key)
	if err != nil {
		f.Errorf("GET %s: %v", key, err)
		return
	}
	if id == 0 {
		b.drop(key)
	} else {
		etag := f.bodies[id].etag
		if strings.Contains(key, "copy") {
			// The original's copy can have another version's ETag: one that was put, and the same at both gateways.
			info, err := s3.StatObject(f.Context(), f.v.Name, key, minio.StatObjectOptions{})
			if _, ok := f.ids[info.ETag]; err != nil || !ok {
				f.Errorf("HEAD %s: %v, ETag %q, which nothing has that was put", key, err, info.ETag)
			}
			etag = info.ETag
		}
		b.set(key, &object{data: data, etag: etag})
	}
	for _, s := range steps {
		if (s.id == id || s.any && id != 0) && !replaced(s, steps) {
			return
		}
	}
	f.Errorf("%s holds %x, which the history does not allow:", key, id)
	for _, s := range steps {
		f.Logf("  %s to %s: %x, any %v, unsure %v, by %s", s.began.Format("05.000000"), s.ended.Format("05.000000"), s.id, s.any, s.unsure, s.worker)
	}
}

// wrongBytes is the error of a GET that succeeded, and should not have.
type wrongBytes string

func (w wrongBytes) Error() string { return string(w) }

// read returns the id and the bytes of a key, 0 if it is absent. Bytes that nobody put are an error, wrongBytes.
func (f *fight) read(ctx context.Context, s3 *minio.Core, key string) (uint64, []byte, error) {
	data, err := getAll(ctx, s3, f.v.Name, key)
	if code(err) == "NoSuchKey" {
		return 0, nil, nil
	}
	if err != nil {
		return 0, nil, err
	}
	if len(data) < 8 {
		return 0, nil, wrongBytes(fmt.Sprintf("%d bytes, which nobody wrote", len(data)))
	}
	id := binary.BigEndian.Uint64(data)
	f.mu.Lock()
	put, ok := f.bodies[id]
	f.mu.Unlock()
	if !ok || put.size != len(data) || !bytes.Equal(data, stamped(id, len(data))) {
		return 0, nil, wrongBytes(fmt.Sprintf("%d bytes, which nobody wrote; they begin as %x, of which %d were put", len(data), id, put.size))
	}
	return id, data, nil
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
	body, info, _, err := s3.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	data, err := readAll(body, info.Size)
	_ = body.Close() // read to its end, or broken anyway
	return data, err
}
