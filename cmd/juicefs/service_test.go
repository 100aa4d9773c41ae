package main

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

// read reads the options that a gateway is given.
func read(t *testing.T, args ...string) *serviceOptions {
	t.Helper()
	p := &program{stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" }, log: slog.New(slog.DiscardHandler)}
	var o *serviceOptions
	app := &cli.App{Flags: p.gatewayCommand().Flags, Writer: io.Discard, Action: func(c *cli.Context) (err error) {
		o, err = readService(c)
		return err
	}}
	if err := app.Run(append([]string{"juicefs"}, args...)); err != nil {
		t.Fatal(err)
	}
	return o
}

// The defaults are those of juicefs 1.4.1, and what is out of bounds is what it makes of it.
func TestServiceOptions(t *testing.T) {
	o := read(t)
	got := map[string]any{
		"heartbeat": o.heartbeat, "skip-dir-mtime": o.skipDirMtime, "mountpoint": o.mountPoint, "get-timeout": o.getTimeout, "put-timeout": o.putTimeout,
		"io-retries": o.retries, "max-uploads": o.uploads, "max-downloads": o.downloads, "max-deletes": o.deletes, "buffer-size": o.bufferSize,
		"cache-size": o.cache.size, "metrics": o.metrics, "umask": o.umask, "upload-limit": o.uploadLimit, "download-limit": o.downloadLimit,
		"storage": o.storage + o.bucket + o.class, "switches": o.readOnly || o.noBackground || o.checkStorage, "free-space-ratio": o.cache.disk.FreeRatio,
	}
	want := map[string]any{
		"heartbeat": 12 * time.Second, "skip-dir-mtime": 100 * time.Millisecond, "mountpoint": "s3gateway", "get-timeout": time.Minute, "put-timeout": time.Minute,
		"io-retries": 10, "max-uploads": 20, "max-downloads": 200, "max-deletes": 10, "buffer-size": int64(300 << 20),
		"cache-size": int64(100 << 30), "metrics": "127.0.0.1:9567", "umask": uint16(0o22), "upload-limit": int64(0), "download-limit": int64(0),
		"storage": "", "switches": false, "free-space-ratio": 0.1,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("defaults (-want +got):\n%s", d)
	}
	for _, c := range []struct {
		option, value string
		got           func(o *serviceOptions) int64
		want          int64
	}{
		{"max-uploads", "0", func(o *serviceOptions) int64 { return int64(o.uploads) }, 1},
		{"max-uploads", "-5", func(o *serviceOptions) int64 { return int64(o.uploads) }, 1},
		{"max-downloads", "0", func(o *serviceOptions) int64 { return int64(o.downloads) }, 200},
		{"max-downloads", "7", func(o *serviceOptions) int64 { return int64(o.downloads) }, 7},
		{"buffer-size", "1", func(o *serviceOptions) int64 { return o.bufferSize }, 32 << 20},
		{"buffer-size", "1G", func(o *serviceOptions) int64 { return o.bufferSize }, 1 << 30},
		{"buffer-size", "64", func(o *serviceOptions) int64 { return o.bufferSize }, 64 << 20},
		{"cache-size", "20480", func(o *serviceOptions) int64 { return o.cache.size }, 20 << 30},
		{"max-readahead", "2", func(o *serviceOptions) int64 { return o.readAhead }, 2 << 20},
		{"max-readahead", "0", func(o *serviceOptions) int64 { return o.readAhead }, -1},
		{"upload-limit", "1G", func(o *serviceOptions) int64 { return o.uploadLimit }, 1000},
		{"download-limit", "100", func(o *serviceOptions) int64 { return o.downloadLimit }, 100},
		{"heartbeat", "1m", func(o *serviceOptions) int64 { return int64(o.heartbeat) }, int64(time.Minute)},
		{"heartbeat", "5", func(o *serviceOptions) int64 { return int64(o.heartbeat) }, int64(5 * time.Second)},
		{"get-timeout", "0.5", func(o *serviceOptions) int64 { return int64(o.getTimeout) }, int64(time.Second / 2)},
		{"skip-dir-mtime", "0", func(o *serviceOptions) int64 { return int64(o.skipDirMtime) }, -1},
		{"umask", "0077", func(o *serviceOptions) int64 { return int64(o.umask) }, 0o77},
	} {
		if got := c.got(read(t, "--"+c.option, c.value)); got != c.want {
			t.Errorf("--%s %s: got %d, want %d", c.option, c.value, got, c.want)
		}
	}
}
