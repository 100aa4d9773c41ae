package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"juicefs/meta/record"
	"juicefs/pkg/object"
)

// Keys beside the blocks of a volume. Format: juicefs 1.4.1.
const (
	markerKey   = "juicefs_uuid"
	probePrefix = "testing/"
)

// prepareStore tries the object store of a volume that is to be made or changed, makes sure that a new one begins empty,
// and leaves the volume's mark there.
func (p *program) prepareStore(ctx context.Context, old, s *record.Setting) error {
	bucket, err := p.openBucket(s, storeOptions{})
	if err != nil {
		return err
	}
	if p.getenv("JFS_NO_CHECK_OBJECT_STORAGE") != "" {
		return nil
	}
	p.say(ctx, slog.LevelInfo, "Data use "+bucket.String())
	if err := p.probe(ctx, bucket, probeWaits()); err != nil {
		return fmt.Errorf("Storage %s is not configured correctly: %w", bucket, err) //nolint:staticcheck // the text of the original
	}
	moved := old != nil && (old.Storage != s.Storage || old.Bucket != s.Bucket)
	if old != nil && !moved {
		return nil
	}
	if old == nil {
		if err := p.checkEmpty(ctx, bucket); err != nil {
			return err
		}
	}
	if err := bucket.Put(ctx, markerKey, object.Bytes([]byte(s.UUID))); err != nil {
		p.log.Warn("put uuid object", "error", err)
	}
	return nil
}

// probeWaits are the pauses between probes.
func probeWaits() []time.Duration { return []time.Duration{time.Second, 4 * time.Second} }

// probe puts, reads and deletes an object, again after each wait while that fails.
func (p *program) probe(ctx context.Context, bucket object.Bucket, waits []time.Duration) error {
	if c, ok := object.As[object.Creator](bucket); ok {
		if err := c.Create(ctx); err != nil {
			return fmt.Errorf("create bucket: %w", err)
		}
	}
	for {
		err := probeOnce(ctx, bucket)
		if err == nil {
			return nil
		}
		if len(waits) == 0 || errors.Is(err, fs.ErrPermission) || strings.Contains(err.Error(), "denied") {
			return err
		}
		p.log.Warn("object store does not work", "store", bucket.String(), "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(waits[0]):
			waits = waits[1:]
		}
	}
}

func probeOnce(ctx context.Context, bucket object.Bucket) error {
	key := probePrefix + strings.ToLower(rand.Text())[:10]
	data := make([]byte, 100)
	if _, err := rand.Read(data); err != nil {
		return fmt.Errorf("make test data: %w", err)
	}
	if err := bucket.Put(ctx, key, object.Bytes(data)); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	r, err := bucket.Get(ctx, key, 0, -1)
	if err != nil {
		return fmt.Errorf("get: %w", err)
	}
	got, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		return fmt.Errorf("get: %w", err)
	}
	if !bytes.Equal(got, data) {
		return fmt.Errorf("read other bytes than were written: %d instead of %d", len(got), len(data))
	}
	if err := bucket.Delete(ctx, key); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return bucket.Delete(ctx, probePrefix) // an empty folder, where stores have such
}

// checkEmpty refuses a place that holds data of another volume. That it cannot be listed is no reason to stop.
func (p *program) checkEmpty(ctx context.Context, bucket object.Bucket) error {
	after := ""
	for {
		page, err := bucket.List(ctx, "", after, 1000)
		if err != nil {
			p.log.Warn("list object storage", "error", err)
			return nil
		}
		for _, o := range page {
			if o.Size > 0 && !strings.HasPrefix(o.Key, probePrefix) && !strings.HasSuffix(o.Key, "/") {
				return fmt.Errorf("Storage %s is not empty; please clean it up or pick another volume name", bucket) //nolint:staticcheck // the text of the original
			}
			after = o.Key
		}
		if len(page) < 1000 {
			return nil
		}
	}
}
