package object

import (
	"fmt"
	"time"

	"juicefs/pkg/rate"
)

// StackOptions say what a volume wants of its bucket. The zero value is a bare bucket with time limits and retries.
type StackOptions struct {
	Shards int    // number of buckets, see Shard; 0 or 1: one
	Prefix string // in front of every key: a volume's name and "/"
	Cipher Cipher // seals content; nil: none

	Meter    Meter         // takes measurements; nil: none
	Up, Down *rate.Limiter // bytes a second; nil: not limited

	// GetTimeout and PutTimeout bound one try, see WithTimeout. 0: a minute; negative: none. Stores of local files have
	// none, since nothing can interrupt a read of a file.
	GetTimeout, PutTimeout time.Duration
	Retry                  RetryOptions
}

func (o StackOptions) normalize() StackOptions {
	for _, d := range [...]*time.Duration{&o.GetTimeout, &o.PutTimeout} {
		if *d == 0 {
			*d = time.Minute
		}
	}
	return o
}

// Stack opens the bucket or buckets at address and puts the decorators on them, from the inside: shards, prefix,
// measurements, time limits, rates, retries, encryption. So a prefix counts for the choice of a shard, a try is what is
// measured, bounded in time and limited in rate, and what is tried again was sealed once.
func Stack(address string, open func(address string) (Bucket, error), o StackOptions) (Bucket, error) {
	o = o.normalize()
	addresses := []string{address}
	if o.Shards > 1 {
		var err error
		if addresses, err = ShardAddresses(address, o.Shards); err != nil {
			return nil, err
		}
	}
	buckets := make([]Bucket, len(addresses))
	for i, a := range addresses {
		var err error
		if buckets[i], err = open(a); err != nil {
			return nil, fmt.Errorf("open bucket %d of %d: %w", i+1, len(addresses), err)
		}
	}
	b := WithPrefix(Shard(buckets...), o.Prefix)
	b = WithMeter(b, o.Meter)
	if !b.Limits().Local {
		b = WithTimeout(b, o.GetTimeout, o.PutTimeout)
	}
	b = WithRate(b, o.Up, o.Down)
	b = WithRetry(b, o.Retry)
	return WithCrypt(b, o.Cipher), nil
}
