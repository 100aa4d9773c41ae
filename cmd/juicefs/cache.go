package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	dir         string // a folder, or inMemory
	dirGiven    bool
	size        int64 // bytes; 0: no cache
	sizeGiven   bool
	largeWrites bool
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

// readCache reads the options about the cache.
func readCache(c *cli.Context) (o cacheOptions, err error) {
	o = cacheOptions{dir: c.String("cache-dir"), dirGiven: c.IsSet("cache-dir"), sizeGiven: c.IsSet("cache-size"), largeWrites: c.Bool("cache-large-write")}
	if strings.ContainsAny(o.dir, ":*") || o.dir == "" {
		return o, fmt.Errorf("option --cache-dir %s is not supported by this version: it is one folder, or %q", o.dir, inMemory)
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
		return o, fmt.Errorf("option --cache-eviction is not supported: %w", err)
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
	case o.dir == inMemory:
		if o.sizeGiven {
			to.MemoryCache = o.size
		}
		return nil
	case local:
		return nil
	}
	d := o.disk
	d.Dir, d.UUID, d.HashPrefix, d.Log = o.dir, uuid, to.HashPrefix, p.log
	disk, err := cache.Open(d)
	switch {
	case err == nil:
		to.Cache, to.CacheLargeWrites = disk, o.largeWrites
	case o.dirGiven:
		return err
	default:
		p.log.Warn("blocks are cached in memory", "error", err)
	}
	return nil
}
