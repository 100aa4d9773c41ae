package main

import (
	"fmt"
	"log/slog"
	"maps"
	"time"

	"juicefs/meta/record"
	"juicefs/pkg/object"
	"juicefs/pkg/object/all"
	"juicefs/pkg/obs"
	"juicefs/pkg/rate"
)

// storeOptions are what a client wants of the object store of a volume. The zero value is that of a command that only
// looks at it.
type storeOptions struct {
	getTimeout, putTimeout time.Duration
	retries                int   // after the first try
	up, down               int64 // Mbit/s; 0: not limited
	metrics                *obs.Metrics
	log                    *slog.Logger
}

// openBucket opens the object store of a volume: with the volume's prefix and all that its setting asks for. The secrets
// of the setting are in clear.
func (p *program) openBucket(s *record.Setting, o storeOptions) (object.Bucket, error) {
	cipher, err := p.cipher(s)
	if err != nil {
		return nil, err
	}
	open := func(address string) (object.Bucket, error) {
		return all.Open(s.Storage, address, all.Options{AccessKey: s.AccessKey, SecretKey: s.SecretKey, SessionToken: s.SessionToken,
			StorageClass: storageClass(s), Getenv: p.getenv})
	}
	return object.Stack(s.Bucket, open, object.StackOptions{
		Shards: s.Shards, Prefix: s.Name + "/", Cipher: cipher, Meter: o.metrics, Up: limiter(o.up), Down: limiter(o.down),
		GetTimeout: o.getTimeout, PutTimeout: o.putTimeout, Retry: object.RetryOptions{Tries: o.retries + 1, Log: o.log},
	})
}

// storageClass is that of new objects: of the tier that everything is in, which clients before juicefs 1.4 do not know.
func storageClass(s *record.Setting) string {
	if tier := s.Tiers["0"]; tier.StorageClass != "" {
		return tier.StorageClass
	}
	return s.StorageClass
}

// setStorageClass sets it in both places, as juicefs 1.4.1 does.
func setStorageClass(s *record.Setting, class string) error {
	if class != "" && !all.HasClasses(s.Storage) {
		return fmt.Errorf("option --storage-class: stores of type %s have no storage classes", s.Storage)
	}
	tiers := maps.Clone(s.Tiers)
	if tiers == nil {
		tiers = map[string]record.Tier{}
	}
	tier := tiers["0"]
	tier.StorageClass = class
	tiers["0"] = tier
	s.StorageClass, s.Tiers = class, tiers
	return nil
}

// limiter returns a limiter of so many Mbit/s, nil for no limit. The numbers are those of juicefs 1.4.1: 85 % of the rate
// and a burst of a tenth of a second keep the line below what was asked for.
func limiter(mbps int64) *rate.Limiter {
	if mbps <= 0 {
		return nil
	}
	bytes := mbps * 1e6 / 8
	return rate.New(bytes*85/100, bytes/10)
}
