package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// The options that gateway shares with other services are in groups, as help shows them. Each option is one of three
// kinds: it works; it is accepted because leaving it out changes nothing that a user could see go wrong (the help says
// so); or it is refused, because this version has not got what it asks for.

const (
	groupMeta    = "Metadata"
	groupStorage = "Data storage"
	groupCache   = "Data cache"
	groupMetrics = "Metrics"
)

// metaFlags are about metadata.
func metaFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "heartbeat", Category: groupMeta, Value: "12s", Usage: "how often to renew the session and read the volume's setting again, 1s to 10m"},
		&cli.BoolFlag{Name: "read-only", Category: groupMeta, Usage: "write nothing, not even a session"},
		&cli.BoolFlag{Name: "no-bgjob", Category: groupMeta, Usage: "run no clean-up jobs"},
		&cli.StringFlag{Name: "skip-dir-mtime", Category: groupMeta, Value: "100ms", Usage: "do not update a directory's time for changes so soon after another"},
	}
}

// storageFlags are about the object store.
func storageFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "storage", Category: groupStorage, Usage: "type of object store, instead of the volume's"},
		&cli.StringFlag{Name: "bucket", Category: groupStorage, Usage: "bucket URL or path, instead of the volume's"},
		&cli.StringFlag{Name: "storage-class", Category: groupStorage, Usage: "storage class of objects written here, instead of the volume's"},
		&cli.StringFlag{Name: "get-timeout", Category: groupStorage, Value: "60s", Usage: "most time for reading a block"},
		&cli.StringFlag{Name: "put-timeout", Category: groupStorage, Value: "60s", Usage: "most time for storing a block"},
		&cli.IntFlag{Name: "io-retries", Category: groupStorage, Value: 10, Usage: "how often to try again after a failure"},
		&cli.IntFlag{Name: "max-uploads", Category: groupStorage, Value: 20, Usage: "most uploads at once"},
		&cli.IntFlag{Name: "max-downloads", Category: groupStorage, Value: 200, Usage: "most downloads at once"},
		&cli.IntFlag{Name: "max-deletes", Category: groupStorage, Value: 10, Usage: "most deletions at once; 0: delete nothing"},
		&cli.StringFlag{Name: "upload-limit", Category: groupStorage, Value: "0", Usage: "most Mbit/s of uploads (0: as the volume says)"},
		&cli.StringFlag{Name: "download-limit", Category: groupStorage, Value: "0", Usage: "most Mbit/s of downloads (0: as the volume says)"},
		&cli.BoolFlag{Name: "check-storage", Category: groupStorage, Usage: "try the object store before the start"},
	}
}

// cacheFlags are about memory.
func cacheFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "buffer-size", Category: groupCache, Value: "300M", Usage: "memory for data that is being read and written (unit: M)"},
		&cli.StringFlag{Name: "cache-dir", Category: groupCache, Value: defaultCacheDir(), Usage: "folders to cache blocks in, separated by colons, or \"memory\"; stores of local files have no cache"},
		&cli.StringFlag{Name: "cache-mode", Category: groupCache, Value: "0600", Usage: "permissions of cached blocks, in octal"},
		&cli.StringFlag{Name: "cache-size", Category: groupCache, Value: "100G", Usage: "most bytes of cached blocks (unit: M; 0: no cache; in memory 64M)"},
		&cli.Int64Flag{Name: "cache-items", Category: groupCache, Usage: "most cached blocks (0: no limit)"},
		&cli.StringFlag{Name: "free-space-ratio", Category: groupCache, Value: "0.1", Usage: "part of the cache's file system that stays free"},
		&cli.BoolFlag{Name: "cache-large-write", Category: groupCache, Usage: "cache blocks of full size when they are written, too"},
		&cli.BoolFlag{Name: "cache-partial-only", Category: groupCache, Usage: "do not cache blocks of full size"},
		&cli.StringFlag{Name: "verify-cache-checksum", Category: groupCache, Value: "extend", Usage: "what is checked of cached blocks: none, full, shrink or extend"},
		&cli.StringFlag{Name: "cache-eviction", Category: groupCache, Value: "2-random", Usage: "what goes when the cache is full: none, 2-random or lru"},
		&cli.StringFlag{Name: "cache-scan-interval", Category: groupCache, Value: "1h", Usage: "how often to look for blocks that others cached (0: at the start only)"},
		&cli.StringFlag{Name: "cache-expire", Category: groupCache, Value: "0s", Usage: "blocks not used for so long go (0: never)"},
		&cli.StringFlag{Name: "max-readahead", Category: groupCache, Usage: "how far a sequential reader may read ahead (unit: M; 0: not at all)", DefaultText: "8 blocks"},
		&cli.IntFlag{Name: "prefetch", Category: groupCache, Value: 1, Usage: "accepted: whole blocks are read when a reader is sequential"},
	}
}

// metricsFlags are about being watched.
func metricsFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "metrics", Category: groupMetrics, Value: "127.0.0.1:9567", Usage: "address that serves metrics"},
		&cli.StringFlag{Name: "custom-labels", Category: groupMetrics, Usage: "labels on each metric: key1:value1;key2:value2"},
		&cli.BoolFlag{Name: "no-usage-report", Category: groupMetrics, Usage: "accepted: this program never reports to anyone"},
	}
}

// acceptedFlags change nothing here that could go wrong: they tune caches that this version has not got, or are what it
// does anyway.
func acceptedFlags() []cli.Flag {
	switches := []string{"readdir-cache", "sort-dir", "fast-statfs", "backup-skip-trash"}
	values := []string{"attr-cache", "entry-cache", "dir-entry-cache", "negative-entry-cache", "open-cache", "open-cache-limit", "skip-dir-nlink", "max-stage-write"}
	return hiddenFlags(switches, values)
}

// refusedFlags ask for what this version has not got.
func refusedFlags() []cli.Flag {
	return hiddenFlags(
		[]string{"writeback"},
		[]string{"subdir", "network-interfaces", "tag", "writeback-threshold-size",
			"upload-delay", "upload-hours", "consul", "access-log"})
}

func hiddenFlags(switches, values []string) []cli.Flag {
	var flags []cli.Flag
	for _, name := range switches {
		flags = append(flags, &cli.BoolFlag{Name: name, Hidden: true})
	}
	for _, name := range values {
		flags = append(flags, &cli.StringFlag{Name: name, Hidden: true})
	}
	return flags
}

// checkRefused returns an error that names the options given that this version has not got.
func checkRefused(c *cli.Context, refused []cli.Flag) error {
	var names []string
	for _, f := range refused {
		if name := f.Names()[0]; c.IsSet(name) && !isZeroValue(c.String(name)) {
			names = append(names, "--"+name)
		}
	}
	switch len(names) {
	case 0:
		return nil
	case 1:
		return notBuilt(strings.TrimPrefix(names[0], "--"))
	}
	slices.Sort(names)
	return fmt.Errorf("options not supported by this version: %s", strings.Join(names, ", "))
}

// isZeroValue reports whether an option was given in a way that asks for nothing, as in --writeback=false.
func isZeroValue(text string) bool {
	switch text {
	case "", "0", "0s", "false":
		return true
	}
	return false
}
