package obs

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func scrape(t *testing.T, m *Metrics, path string) (int, string) {
	t.Helper()
	server := httptest.NewServer(m.Handler())
	defer server.Close()
	resp, err := http.Get(server.URL + path) //nolint:noctx // local
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// TestNamesOfTheOriginal holds the names that dashboards use.
func TestNamesOfTheOriginal(t *testing.T) {
	m, err := NewMetrics(map[string]string{"mp": "s3gateway", "vol_name": "v"})
	if err != nil {
		t.Fatal(err)
	}
	m.MetaOp("resolve", time.Millisecond, 2)
	m.VolumeOp(time.Millisecond)
	m.VolumeRead(1)
	m.VolumeWritten(1)
	m.Request("PUT", time.Millisecond, 5, errors.New("x"))
	m.WatchUsage(time.Hour, func() (Usage, error) { return Usage{UsedSpace: 4096}, nil })
	m.WatchCache(func() CacheStats { return CacheStats{Hits: 3} })
	_, text := scrape(t, m, "/metrics")
	for _, name := range []string{
		"uptime", "cpu_usage", "memory", "used_space", "used_inodes", "total_space", "total_inodes",
		"transaction_durations_histogram_seconds_count", "transaction_restart", "meta_ops_durations_histogram_seconds_sum",
		"meta_ops_total", "meta_ops_duration_seconds", "sdk_ops_durations_histogram_seconds_bucket", "sdk_read_size_bytes_count",
		"sdk_written_size_bytes_count", "object_request_durations_histogram_seconds_count", "object_request_errors",
		"object_request_data_bytes", "object_request_uploading", "fuse_ops_durations_histogram_seconds_count",
		"compact_size_histogram_bytes_count", "blockcache_blocks", "blockcache_bytes", "blockcache_hits", "blockcache_miss", "blockcache_hit_bytes", "blockcache_miss_bytes",
		"blockcache_writes", "blockcache_write_bytes", "blockcache_read_hist_seconds_count", "blockcache_write_hist_seconds_count", "blockcache_drops", "blockcache_evicts", "fuse_read_size_bytes_count", "fuse_written_size_bytes_count", "go_goroutines", "process_cpu_seconds_total", "go_build_info",
	} {
		if !strings.Contains(text, "\njuicefs_"+name+"{") {
			t.Errorf("juicefs_%s is missing", name)
		}
	}
	if want := `juicefs_object_request_data_bytes{method="PUT",mp="s3gateway",storage_class="STANDARD",vol_name="v"} 5`; !strings.Contains(text, want) {
		t.Errorf("labels: %s is missing", want)
	}
	if code, _ := scrape(t, m, "/"); code != http.StatusNotFound {
		t.Errorf("GET / = %d, want 404", code)
	}
}

func TestUsageIsNotAskedForTooOften(t *testing.T) {
	m, err := NewMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	m.WatchUsage(time.Hour, func() (Usage, error) { asked++; return Usage{}, nil })
	scrape(t, m, "/metrics")
	scrape(t, m, "/metrics")
	if asked != 1 {
		t.Errorf("asked %d times within an hour", asked)
	}
}

func TestBadLabels(t *testing.T) {
	for _, name := range []string{"", "a-b", "1a", "é"} {
		if _, err := NewMetrics(map[string]string{name: "x"}); err == nil {
			t.Errorf("label %q was accepted", name)
		}
	}
}

func TestNoMetrics(t *testing.T) {
	var m *Metrics
	m.MetaOp("x", 0, 1)
	m.VolumeOp(0)
	m.VolumeRead(0)
	m.VolumeWritten(0)
	m.Request("GET", 0, 0, nil)
	m.Uploading(1)
	m.Gauge("x", "x", func() float64 { return 0 })
	m.WatchUsage(0, nil)
	m.WatchCache(nil)
}
