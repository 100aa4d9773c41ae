package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"juicefs/chunk"
	"juicefs/chunk/cache"
)

// inMemory is the cache-dir that means memory.
const inMemory = "memory"

// cacheOptions say where blocks are cached.
type cacheOptions struct {
	dirs        []string // folders; none: in memory
	dirText     string   // as it was given; empty: it was not
	size        int64    // bytes; 0: no cache
	sizeGiven   bool
	largeWrites bool
	partialOnly bool
	disk        cache.Options // without folder and volume
}

// defaultCacheDir is where blocks are cached when no folder is named.
func defaultCacheDir() string {
	home, err := os.UserHomeDir()
	if os.Getuid() == 0 || err != nil {
		return "/var/jfsCache"
	}
	return filepath.Join(home, ".juicefs", "cache")
}

// cacheDirs are the folders that an option names: separated by colons, or by commas where there is no colon, each of them
// perhaps with signs that stand for several. None means in memory.
func cacheDirs(text string) ([]string, error) {
	if text == inMemory {
		return nil, nil
	}
	sep := ","
	if strings.Contains(text, ":") {
		sep = ":"
	}
	var dirs []string
	for name := range strings.SplitSeq(text, sep) {
		switch {
		case name == inMemory:
			return nil, fmt.Errorf("invalid cache-dir %q: it is folders, or %q", text, inMemory)
		case name == "":
			continue
		}
		names := []string{name}
		if strings.ContainsAny(name, "*?[") {
			var err error
			if names, err = filepath.Glob(name); err != nil || len(names) == 0 {
				return nil, fmt.Errorf("invalid cache-dir %q: %q is no folder", text, name)
			}
		}
		for _, n := range names {
			if n = filepath.Clean(n); !slices.Contains(dirs, n) {
				dirs = append(dirs, n)
			}
		}
	}
	if len(dirs) == 0 {
		return nil, fmt.Errorf("invalid cache-dir %q: it is folders, or %q", text, inMemory)
	}
	return dirs, nil
}

// readCache reads the options about the cache.
func readCache(c *cli.Context) (o cacheOptions, err error) {
	o = cacheOptions{sizeGiven: c.IsSet("cache-size"), largeWrites: c.Bool("cache-large-write"), partialOnly: c.Bool("cache-partial-only")}
	if c.IsSet("cache-dir") {
		o.dirText = c.String("cache-dir")
	}
	if o.dirs, err = cacheDirs(c.String("cache-dir")); err != nil {
		return o, err
	}
	if o.size, err = parseSize("cache-size", c.String("cache-size"), 'M'); err != nil {
		return o, err
	}
	d := &o.disk
	d.Size, d.Items = o.size, c.Int64("cache-items")
	if d.Items < 0 {
		return o, fmt.Errorf("cache-items %d is negative", d.Items)
	}
	if d.FreeRatio, err = strconv.ParseFloat(c.String("free-space-ratio"), 64); err != nil || !(d.FreeRatio >= 0 && d.FreeRatio <= 1) {
		return o, fmt.Errorf("free-space-ratio %q is not between 0 and 1", c.String("free-space-ratio"))
	}
	if d.FreeRatio == 0 {
		d.FreeRatio = -1 // cache's word for none
	}
	if d.Eviction, err = cache.ParseEviction(c.String("cache-eviction")); err != nil {
		return o, fmt.Errorf("option --cache-eviction: %w", err)
	}
	verify, ok := cache.ParseVerify(c.String("verify-cache-checksum"))
	if !ok {
		return o, fmt.Errorf("unknown verify-cache-checksum %q", c.String("verify-cache-checksum"))
	}
	d.Verify = verify
	mode, err := strconv.ParseUint(c.String("cache-mode"), 8, 16)
	if err != nil || mode > 0o777 {
		return o, fmt.Errorf("invalid cache-mode %q: it is up to three octal digits", c.String("cache-mode"))
	}
	d.Mode = fs.FileMode(mode)
	if d.ScanInterval, err = parseDuration("cache-scan-interval", c.String("cache-scan-interval")); err != nil {
		return o, err
	}
	if d.ScanInterval == 0 {
		d.ScanInterval = -1 // cache's word for never
	}
	if d.Expire, err = parseDuration("cache-expire", c.String("cache-expire")); err != nil {
		return o, err
	}
	return o, nil
}

// addCache puts the cache that was asked for into the options of a store. A store of local files uses none. The default
// folder may not be to be had; then blocks are cached in memory.
func (p *program) addCache(to *chunk.Options, o *cacheOptions, local bool, uuid string) error {
	switch {
	case o.size == 0:
		to.MemoryCache = -1
		return nil
	case len(o.dirs) == 0:
		if o.sizeGiven {
			to.MemoryCache = o.size
		}
		return nil
	case local:
		return nil
	}
	d := o.disk
	d.UUID, d.HashPrefix, d.Meter, d.Log = uuid, to.HashPrefix, to.Meter, p.log
	disk, err := cache.OpenSet(o.dirs, d)
	switch {
	case err == nil:
		to.Cache, to.CacheLargeWrites, to.CachePartialOnly = disk, o.largeWrites, o.partialOnly
	case o.dirText != "":
		return err
	default:
		p.log.Warn("blocks are cached in memory", "error", err)
	}
	return nil
}
