package budget

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/meter"
	"juicefs/pkg/tests/oracle"
	"juicefs/pkg/tests/redistest"
)

func TestMain(m *testing.M) { os.Exit(oracle.Main(m)) }

// everything are the flags of a gateway that keeps all there is to keep.
var everything = []string{"--multi-buckets", "--keep-etag", "--object-tag", "--object-meta"}

// rig is a volume on Redis with a proxy between.
type rig struct {
	*testing.T
	program oracle.Program
	server  *redistest.Server
	proxy   *meter.Proxy
	volume  *oracle.Volume
	s3      *minio.Core       // of the gateway that runs
	uploads map[string]upload // that wait to be completed, by bucket and key
}

// newRig formats a volume.
func newRig(t *testing.T, p oracle.Program) *rig {
	t.Helper()
	r := &rig{T: t, program: p, server: redistest.Start(t), uploads: map[string]upload{}}
	var err error
	if r.proxy, err = meter.Start("tcp", r.server.Addr); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.proxy.Close(); err != nil {
			t.Errorf("close proxy: %v", err)
		}
	})
	r.volume = oracle.Format(t, p, oracle.FormatOptions{Meta: strings.Replace(r.server.URL(0), r.server.Addr, r.proxy.Addr(), 1)})
	return r
}

// serve starts a gateway and waits until it has nothing more to ask.
func (r *rig) serve(heartbeat string) *oracle.Gateway {
	r.Helper()
	g := oracle.Start(r.T, r.program, r.volume, oracle.GatewayOptions{Flags: append([]string{"--heartbeat", heartbeat}, everything...)})
	r.s3 = g.Core(r.T)
	r.settle()
	return g
}

// silence is how long nothing must be asked of the database for a program to be done with it.
const silence = 200 * time.Millisecond

// settle waits for silence.
func (r *rig) settle() {
	r.Helper()
	tick := time.NewTicker(silence)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); ; {
		before := r.proxy.Turnarounds()
		<-tick.C
		if r.proxy.Turnarounds() == before {
			return
		}
		if time.Now().After(end) {
			r.Fatal("the gateway never leaves the database alone")
		}
	}
}

// count returns the turnarounds of a call, and of what it leaves to the background at once.
func (r *rig) count(name string, call func() error) int64 {
	r.Helper()
	r.proxy.Reset()
	err := call()
	n := r.proxy.Turnarounds()
	if err != nil {
		r.Fatalf("%s, %s: %v", r.program.Name, name, err)
	}
	return n
}

// least repeats a count and returns the least: what others ask meanwhile, or a batch of ids, only adds.
func (r *rig) least(name string, times int, call func(i int) error) int64 {
	r.Helper()
	n := int64(-1)
	for i := range times {
		if c := r.count(name, func() error { return call(i) }); n < 0 || c < n {
			n = c
		}
		r.settle()
	}
	return n
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatalf("%s: %v", r.program.Name, err)
	}
}
