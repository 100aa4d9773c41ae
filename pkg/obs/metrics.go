package obs

import (
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// namePrefix is in front of every metric. Names, labels and buckets are those of juicefs 1.4.1, so that its dashboards
// work; a metric is here only if this program measures it.
const namePrefix = "juicefs_"

// Metrics are the program's metrics, in a registry of their own. All methods may be called from several goroutines at
// once. A nil *Metrics takes everything and keeps nothing.
type Metrics struct {
	registry *prometheus.Registry
	labelled prometheus.Registerer

	transactions prometheus.Histogram
	restarts     *prometheus.CounterVec // method
	metaOps      prometheus.Histogram
	metaOpsTotal *prometheus.CounterVec // method
	metaOpsTime  *prometheus.CounterVec // method

	sdkOps     prometheus.Histogram
	sdkRead    prometheus.Histogram
	sdkWritten prometheus.Histogram

	requests     *prometheus.HistogramVec // method, storage_class
	requestFails prometheus.Counter
	requestBytes *prometheus.CounterVec // method, storage_class
	uploading    prometheus.Gauge

	cacheRead, cacheWrite prometheus.Histogram
	compacted             prometheus.Histogram
}

// NewMetrics makes the metrics with labels on each of them. The error is of a bad label.
func NewMetrics(labels map[string]string) (*Metrics, error) {
	for name := range labels {
		if !validLabel(name) {
			return nil, fmt.Errorf("invalid name of a metrics label: %q", name)
		}
	}
	registry := prometheus.NewRegistry()
	m := &Metrics{registry: registry}
	m.labelled = prometheus.WrapRegistererWithPrefix(namePrefix, prometheus.WrapRegistererWith(labels, registry))
	m.makeMeta()
	m.makeStreams()
	m.makeRequests()
	m.makeProcess()
	return m, nil
}

func (m *Metrics) makeMeta() {
	buckets := prometheus.ExponentialBuckets(0.0001, 1.5, 30)
	m.transactions = m.histogram("transaction_durations_histogram_seconds", "Time of metadata transactions.", buckets)
	m.restarts = m.counters("transaction_restart", "Restarts of metadata transactions after conflicts.", "method")
	m.metaOps = m.histogram("meta_ops_durations_histogram_seconds", "Time of metadata operations.", buckets)
	m.metaOpsTotal = m.counters("meta_ops_total", "Metadata operations.", "method")
	m.metaOpsTime = m.counters("meta_ops_duration_seconds", "Time spent in metadata operations.", "method")
}

func (m *Metrics) makeStreams() {
	ops := prometheus.ExponentialBuckets(0.00001, 1.8, 29)
	sizes := prometheus.LinearBuckets(4096, 4096, 32)
	m.sdkOps = m.histogram("sdk_ops_durations_histogram_seconds", "Time of operations on the volume.", ops)
	m.sdkRead = m.histogram("sdk_read_size_bytes", "Bytes of reads from the volume.", sizes)
	m.sdkWritten = m.histogram("sdk_written_size_bytes", "Bytes of writes to the volume.", sizes)
	m.compacted = m.histogram("compact_size_histogram_bytes", "Bytes of slices that compaction put in place of many.", prometheus.ExponentialBuckets(1024, 2, 16))
	// Dashboards expect these, and the original's gateway shows them as empty as ours does.
	m.histogram("fuse_ops_durations_histogram_seconds", "Time of operations of a mount: none here.", ops)
	m.histogram("fuse_read_size_bytes", "Bytes of reads of a mount: none here.", sizes)
	m.histogram("fuse_written_size_bytes", "Bytes of writes of a mount: none here.", sizes)
}

func (m *Metrics) makeRequests() {
	m.requests = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "object_request_durations_histogram_seconds",
		Help: "Time of requests to the object store.", Buckets: prometheus.ExponentialBuckets(0.01, 1.5, 25)},
		[]string{"method", "storage_class"})
	m.labelled.MustRegister(m.requests)
	m.requestFails = m.counter("object_request_errors", "Requests to the object store that failed.")
	m.requestBytes = m.counters("object_request_data_bytes", "Bytes moved to and from the object store.", "method", "storage_class")
	cache := prometheus.ExponentialBuckets(0.00001, 2, 20)
	m.cacheRead = m.histogram("blockcache_read_hist_seconds", "Time of reads that the block cache answered.", cache)
	m.cacheWrite = m.histogram("blockcache_write_hist_seconds", "Time of writes to the block cache.", cache)
	m.uploading = m.gauge("object_request_uploading", "Uploads under way.")
}

func (m *Metrics) makeProcess() {
	start := time.Now()
	m.Gauge("uptime", "Seconds since the start.", func() float64 { return time.Since(start).Seconds() })
	m.Gauge("cpu_usage", "CPU seconds used.", cpuSeconds)
	m.Gauge("memory", "Resident memory in bytes.", residentBytes)
	m.labelled.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewBuildInfoCollector())
}

func (m *Metrics) histogram(name, help string, buckets []float64) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
	m.labelled.MustRegister(h)
	return h
}

func (m *Metrics) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	m.labelled.MustRegister(c)
	return c
}

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.labelled.MustRegister(c)
	return c
}

func (m *Metrics) gauge(name, help string) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	m.labelled.MustRegister(g)
	return g
}

// Gauge adds a gauge that is asked when metrics are collected. The name is without the prefix.
func (m *Metrics) Gauge(name, help string, value func() float64) {
	if m == nil {
		return
	}
	m.labelled.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

// CacheStats are sums and the present content of the block cache.
type CacheStats struct {
	Hits, HitBytes, Misses, MissBytes int64
	Writes, WriteBytes                int64
	Drops, Evicts                     int64
	Blocks, Bytes                     int64
}

// WatchCache adds the metrics of the block cache. load is called when metrics are collected.
func (m *Metrics) WatchCache(load func() CacheStats) {
	if m == nil {
		return
	}
	for _, c := range []struct {
		name, help string
		value      func(*CacheStats) int64
	}{
		{"blockcache_hits", "Reads answered by the block cache.", func(s *CacheStats) int64 { return s.Hits }},
		{"blockcache_hit_bytes", "Bytes read from the block cache.", func(s *CacheStats) int64 { return s.HitBytes }},
		{"blockcache_miss", "Reads that the block cache could not answer.", func(s *CacheStats) int64 { return s.Misses }},
		{"blockcache_miss_bytes", "Bytes read past the block cache.", func(s *CacheStats) int64 { return s.MissBytes }},
		{"blockcache_writes", "Blocks put into the block cache.", func(s *CacheStats) int64 { return s.Writes }},
		{"blockcache_write_bytes", "Bytes put into the block cache.", func(s *CacheStats) int64 { return s.WriteBytes }},
		{"blockcache_drops", "Blocks that the block cache did not take.", func(s *CacheStats) int64 { return s.Drops }},
		{"blockcache_evicts", "Blocks that made room in the block cache.", func(s *CacheStats) int64 { return s.Evicts }},
	} {
		m.labelled.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: c.name, Help: c.help}, func() float64 {
			s := load()
			return float64(c.value(&s))
		}))
	}
	m.Gauge("blockcache_blocks", "Blocks in the block cache.", func() float64 { return float64(load().Blocks) })
	m.Gauge("blockcache_bytes", "Bytes in the block cache.", func() float64 { return float64(load().Bytes) })
}

// Handler serves /metrics in text or OpenMetrics; every other path is not found.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	return mux
}

func validLabel(name string) bool {
	for i, c := range name {
		switch {
		case c == '_', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		case c >= '0' && c <= '9' && i > 0:
		default:
			return false
		}
	}
	return name != ""
}
