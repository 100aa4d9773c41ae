package obs

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// MetaOp notes a metadata operation with the number of times that it started over.
func (m *Metrics) MetaOp(op string, d time.Duration, restarts int) {
	if m == nil {
		return
	}
	m.transactions.Observe(d.Seconds())
	m.metaOps.Observe(d.Seconds())
	m.metaOpsTotal.WithLabelValues(op).Inc()
	m.metaOpsTime.WithLabelValues(op).Add(d.Seconds())
	if restarts > 0 {
		m.restarts.WithLabelValues(op).Add(float64(restarts))
	}
}

// VolumeOp notes an operation on the volume.
func (m *Metrics) VolumeOp(d time.Duration) {
	if m != nil {
		m.sdkOps.Observe(d.Seconds())
	}
}

// VolumeRead notes a read of n bytes from the volume.
func (m *Metrics) VolumeRead(n int) {
	if m != nil {
		m.sdkRead.Observe(float64(n))
	}
}

// VolumeWritten notes a write of n bytes to the volume.
func (m *Metrics) VolumeWritten(n int) {
	if m != nil {
		m.sdkWritten.Observe(float64(n))
	}
}

// Compacted notes a compaction that made a slice of n bytes.
func (m *Metrics) Compacted(n int) {
	if m != nil {
		m.compacted.Observe(float64(n))
	}
}

// Request notes a request to the object store: its method (GET, PUT, DELETE), time, bytes moved and outcome.
func (m *Metrics) Request(method string, d time.Duration, n int64, err error) {
	if m == nil {
		return
	}
	const class = "STANDARD" // stores of classes are not built
	m.requests.WithLabelValues(method, class).Observe(d.Seconds())
	if n > 0 {
		m.requestBytes.WithLabelValues(method, class).Add(float64(n))
	}
	if err != nil {
		m.requestFails.Inc()
	}
}

// Uploading notes that by more uploads are under way.
func (m *Metrics) Uploading(by int) {
	if m != nil {
		m.uploading.Add(float64(by))
	}
}

// CacheRead notes a read that the block cache answered.
func (m *Metrics) CacheRead(d time.Duration) {
	if m != nil {
		m.cacheRead.Observe(d.Seconds())
	}
}

// CacheWrite notes a block that was put into the block cache.
func (m *Metrics) CacheWrite(d time.Duration) {
	if m != nil {
		m.cacheWrite.Observe(d.Seconds())
	}
}

// Usage is what a volume uses and has.
type Usage struct{ UsedSpace, TotalSpace, UsedInodes, TotalInodes float64 }

// WatchUsage adds the gauges of a volume's usage. load is called when metrics are collected, at most once in every; when it
// fails the last known values stay.
func (m *Metrics) WatchUsage(every time.Duration, load func() (Usage, error)) {
	if m == nil {
		return
	}
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	m.labelled.MustRegister(&usageCollector{every: every, load: load, descs: [4]*prometheus.Desc{
		desc("used_space", "Bytes in use on the volume."), desc("total_space", "Bytes the volume may have."),
		desc("used_inodes", "Inodes in use on the volume."), desc("total_inodes", "Inodes the volume may have."),
	}})
}

type usageCollector struct {
	every time.Duration
	load  func() (Usage, error)
	descs [4]*prometheus.Desc

	mu   sync.Mutex
	at   time.Time
	last Usage
}

var _ prometheus.Collector = (*usageCollector)(nil)

// Describe implements prometheus.Collector.
func (c *usageCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *usageCollector) Collect(out chan<- prometheus.Metric) {
	c.mu.Lock()
	if now := time.Now(); c.at.IsZero() || now.Sub(c.at) >= c.every {
		if u, err := c.load(); err == nil {
			c.last = u
		}
		c.at = now
	}
	u := c.last
	c.mu.Unlock()
	for i, v := range [...]float64{u.UsedSpace, u.TotalSpace, u.UsedInodes, u.TotalInodes} {
		out <- prometheus.MustNewConstMetric(c.descs[i], prometheus.GaugeValue, v)
	}
}
