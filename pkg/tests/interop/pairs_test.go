package interop

import (
	"os"
	"testing"

	"juicefs/pkg/tests/oracle"
	"juicefs/pkg/tests/redistest"
)

func TestMain(m *testing.M) { os.Exit(oracle.Main(m)) }

// pair names two programs: the first formats and writes, the second reads, alters and removes.
type pair struct {
	name           string
	writer, reader func(testing.TB) oracle.Program
}

var (
	originals        = pair{name: "original then original", writer: oracle.Real, reader: oracle.Real}
	originalThenOurs = pair{name: "original then ours", writer: oracle.Real, reader: oracle.Ours}
	oursThenOriginal = pair{name: "ours then original", writer: oracle.Ours, reader: oracle.Real}
	ours             = pair{name: "ours then ours", writer: oracle.Ours, reader: oracle.Ours}
)

// engine is where a volume's metadata is.
type engine struct {
	name string
	meta func(testing.TB) string // the URL of an empty database; "" is a SQLite file in the volume's folder
}

var (
	sqlite = engine{"SQLite", func(testing.TB) string { return "" }}
	redis  = engine{"Redis", func(t testing.TB) string { t.Helper(); return redistest.Start(t).URL(0) }}
	// In a cluster the number of the database is in front of every key.
	cluster = engine{"a cluster of Redis", func(t testing.TB) string { t.Helper(); return redistest.StartCluster(t).URL(3) }}
)

// format makes a volume in an empty database of the engine.
func (e engine) format(t testing.TB, p oracle.Program, o oracle.FormatOptions) *oracle.Volume {
	t.Helper()
	o.Meta = e.meta(t)
	return oracle.Format(t, p, o)
}

// plan is which pairs a test runs for, on which engine. doc.go says which plan is for what.
type plan []struct {
	engine engine
	pairs  []pair
}

var (
	records = plan{{sqlite, []pair{originals, originalThenOurs, oursThenOriginal}}, {redis, []pair{originalThenOurs, oursThenOriginal, ours}}}
	names   = plan{{cluster, []pair{originalThenOurs, oursThenOriginal}}}
	blocks  = plan{{sqlite, []pair{originalThenOurs, oursThenOriginal}}}
)

// run runs test once for each pair of the plan, beside other tests.
func (p plan) run(t *testing.T, test func(t *testing.T, e engine, writer, reader oracle.Program)) {
	t.Helper()
	t.Parallel()
	for _, on := range p {
		for _, pair := range on.pairs {
			t.Run(on.engine.name+", "+pair.name, func(t *testing.T) {
				t.Parallel()
				test(t, on.engine, pair.writer(t), pair.reader(t))
			})
		}
	}
}

// layout is how buckets lie on the volume.
type layout struct {
	name    string
	flags   []string
	buckets bool // can be made
}

var (
	multi  = layout{name: "many buckets", flags: []string{"--multi-buckets"}, buckets: true}
	single = layout{name: "one bucket"}
)

// start starts a gateway that keeps all that interop is about. Its caches of names and attributes are off: what the other
// gateway has acknowledged must show at once.
func start(t *testing.T, p oracle.Program, v *oracle.Volume, l layout) *oracle.Gateway {
	t.Helper()
	return oracle.Start(t, p, v, oracle.GatewayOptions{Flags: append([]string{
		"--keep-etag", "--object-tag", "--object-meta", "--attr-cache", "0", "--entry-cache", "0", "--dir-entry-cache", "0",
	}, l.flags...)})
}
