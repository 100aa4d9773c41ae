package interop

import (
	"os"
	"testing"

	"juicefs/pkg/tests/oracle"
)

func TestMain(m *testing.M) { os.Exit(oracle.Main(m)) }

// pair names two programs: the first formats and writes, the second reads, alters and removes.
type pair struct {
	name           string
	writer, reader func(testing.TB) oracle.Program
}

var pairs = []pair{
	{name: "original then original", writer: oracle.Real, reader: oracle.Real},
	{name: "original then ours", writer: oracle.Real, reader: oracle.Ours},
	{name: "ours then original", writer: oracle.Ours, reader: oracle.Real},
	{name: "ours then ours", writer: oracle.Ours, reader: oracle.Ours},
}

// forPairs runs test once for each pair.
func forPairs(t *testing.T, test func(t *testing.T, writer, reader oracle.Program)) {
	t.Helper()
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			test(t, p.writer(t), p.reader(t))
		})
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
