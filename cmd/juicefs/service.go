package main

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"
)

// serviceOptions are the options of a service that uses a volume, read and checked; nothing was touched yet.
type serviceOptions struct {
	heartbeat    time.Duration
	readOnly     bool
	noBackground bool
	skipDirMtime time.Duration
	mountPoint   string

	storage, bucket, class string // empty: those of the volume
	getTimeout, putTimeout time.Duration
	retries                int
	uploads, downloads     int
	deletes                int
	checkStorage           bool

	uploadLimit, downloadLimit int64 // Mbit/s; 0: those of the volume

	bufferSize int64
	readAhead  int64 // negative: none; 0: the default
	cache      cacheOptions

	metrics      string // address
	metricsGiven bool
	labels       map[string]string

	umask uint16
}

// readService reads the options that services share.
func readService(c *cli.Context) (*serviceOptions, error) {
	o := &serviceOptions{
		readOnly: c.Bool("read-only"), noBackground: c.Bool("no-bgjob"), mountPoint: c.String("mountpoint"),
		storage: c.String("storage"), bucket: c.String("bucket"), class: c.String("storage-class"), retries: c.Int("io-retries"),
		uploads: c.Int("max-uploads"), downloads: c.Int("max-downloads"), deletes: c.Int("max-deletes"),
		checkStorage: c.Bool("check-storage"), metrics: c.String("metrics"), metricsGiven: c.IsSet("metrics"),
	}
	if o.uploads <= 0 {
		o.uploads = 1
	}
	if o.downloads <= 0 {
		o.downloads = 200
	}
	if o.retries < 0 {
		return nil, fmt.Errorf("io-retries %d is negative", o.retries)
	}
	for _, read := range []func(*cli.Context) error{o.readTimes, o.readSizes, o.readMetrics, checkBackup, checkAtime} {
		if err := read(c); err != nil {
			return nil, err
		}
	}
	var err error
	if o.uploadLimit, err = parseBandwidth("upload-limit", c.String("upload-limit")); err != nil {
		return nil, err
	}
	if o.downloadLimit, err = parseBandwidth("download-limit", c.String("download-limit")); err != nil {
		return nil, err
	}
	if o.cache, err = readCache(c); err != nil {
		return nil, err
	}
	o.umask, err = parseUmask(c.String("umask"))
	return o, err
}

func (o *serviceOptions) readTimes(c *cli.Context) error {
	for _, t := range []struct {
		name        string
		to          *time.Duration
		least, most time.Duration
	}{
		{"heartbeat", &o.heartbeat, time.Second, 10 * time.Minute},
		{"skip-dir-mtime", &o.skipDirMtime, 0, 24 * time.Hour},
		{"get-timeout", &o.getTimeout, time.Millisecond, 24 * time.Hour},
		{"put-timeout", &o.putTimeout, time.Millisecond, 24 * time.Hour},
	} {
		d, err := parseDuration(t.name, c.String(t.name))
		if err != nil {
			return err
		}
		if d < t.least || d > t.most {
			return fmt.Errorf("%s %v is not between %v and %v", t.name, d, t.least, t.most)
		}
		*t.to = d
	}
	if o.skipDirMtime == 0 {
		o.skipDirMtime = -1 // meta's word for never skipping
	}
	return nil
}

// leastBuffer is the least memory for data.
const leastBuffer = 32 << 20

func (o *serviceOptions) readSizes(c *cli.Context) error {
	var err error
	if o.bufferSize, err = parseSize("buffer-size", c.String("buffer-size"), 'M'); err != nil {
		return err
	}
	o.bufferSize = max(o.bufferSize, leastBuffer)
	if c.IsSet("max-readahead") {
		if o.readAhead, err = parseSize("max-readahead", c.String("max-readahead"), 'M'); err != nil {
			return err
		}
		if o.readAhead == 0 {
			o.readAhead = -1
		}
	}
	return nil
}

func (o *serviceOptions) readMetrics(c *cli.Context) error {
	var err error
	if o.labels, err = parseLabels(c.String("custom-labels")); err != nil {
		return err
	}
	if o.metrics == "" {
		return nil
	}
	if _, _, err := splitAddress(o.metrics); err != nil {
		return fmt.Errorf("metrics format error %q: %w", o.metrics, err)
	}
	return nil
}

// checkBackup refuses backups of the metadata, which are not built; the default is not a wish.
func checkBackup(c *cli.Context) error {
	if !c.IsSet("backup-meta") {
		return nil
	}
	d, err := parseDuration("backup-meta", c.String("backup-meta"))
	switch {
	case err != nil:
		return err
	case d == 0:
		return nil
	case d < 5*time.Minute:
		return fmt.Errorf("backup-meta should not be less than 5 minutes: %v", d)
	}
	return notBuilt("backup-meta")
}

func checkAtime(c *cli.Context) error {
	switch mode := c.String("atime-mode"); mode {
	case "", "noatime":
		return nil
	case "relatime", "strictatime":
		return fmt.Errorf("option --atime-mode %s is not supported by this version: times of access are not kept", mode)
	default:
		return fmt.Errorf("unknown atime-mode %q", mode)
	}
}

// splitAddress checks "host:port" or ":port". An address of this machine that resolves is enough; it is not bound.
func splitAddress(address string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(address)
	if err != nil {
		return "", "", err
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 && port != "0" {
		return "", "", fmt.Errorf("invalid port %q", port)
	}
	return host, port, nil
}
