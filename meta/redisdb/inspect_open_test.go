package redisdb_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/redisdb"
	"juicefs/pkg/tests/redistest"
)

// said opens a URL and returns what is logged meanwhile.
func said(t *testing.T, url string, o engine.Options) string {
	t.Helper()
	var log bytes.Buffer
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	e, err := redisdb.Open(t.Context(), url, o)
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	closeEngine(t, e)
	return log.String()
}

func TestServersThatForgetAreTold(t *testing.T) {
	forgets, keeps := redistest.Start(t), redistest.Start(t, "--appendonly", "yes")
	forgets.Do(t, "ACL", "SETUSER", "quiet", "on", ">secret", "~*", "&*", "+@all", "-info")
	for _, c := range []struct {
		what, url string
		o         engine.Options
		warnings  int
	}{
		{"one that keeps no log", forgets.URL(1), engine.Options{}, 1},
		{"its cluster's like", redistest.StartCluster(t).URL(2), engine.Options{}, 1},
		{"nothing is written to it", forgets.URL(1), engine.Options{ReadOnly: true}, 0},
		{"one that keeps a log", keeps.URL(1), engine.Options{}, 0},
		{"one that does not say", "redis://quiet:secret@" + forgets.Addr + "/1", engine.Options{}, 0},
	} {
		if got := said(t, c.url, c.o); strings.Count(got, "AOF is not enabled") != c.warnings || strings.Contains(got, "secret") {
			t.Errorf("%s: logged %q, want %d warnings", c.what, got, c.warnings)
		}
	}
}
