package gateway

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	minio "github.com/minio/minio/cmd"
	"github.com/minio/minio/pkg/event"

	"juicefs/gateway/front"
	"juicefs/vfs"
)

// The fork reads the settings of a bucket - policy, notification rules, tags - once, and never again: it expects its
// peers to tell it about changes. Gateways of one volume do not know each other, so each looks for itself.

// refreshDefault is how often settings are loaded again when nothing else was asked for, as the fork has it for users.
const refreshDefault = 5 * time.Minute

// refresher keeps what the fork knows of buckets up to date. It is for one goroutine.
type refresher struct {
	l      *Layer
	memory *minio.BucketMetadataSys
	events *minio.NotificationSys
	seen   map[string]version // by bucket
}

// version tells one state of a bucket's settings from another. The zero value is that of a bucket without any.
type version struct {
	ino          uint64
	size         int64
	mtime, ctime time.Time
}

// newRefresher returns a refresher, or an error if the fork has not begun to serve.
func newRefresher(l *Layer) (*refresher, error) {
	if forkBuckets == nil || forkEvents == nil {
		return nil, errors.New("the fork of MinIO keeps no settings of buckets where it should: it is not the version that this program was made for")
	}
	return &refresher{l: l, memory: forkBuckets, events: forkEvents, seen: map[string]version{}}, nil
}

// refreshBuckets begins to look for changes of other gateways, until the layer is shut down.
func (s *server) refreshBuckets(ctx context.Context) {
	r, err := newRefresher(s.layer)
	if err != nil {
		s.o.Logger.Error("settings of buckets are not loaded again", "error", err)
		return
	}
	work, end := context.WithCancel(context.WithoutCancel(ctx))
	err = s.layer.background(func() {
		defer end()
		r.l.every(work, r.l.o.RefreshIAM, "load settings of buckets again", r.refresh)
	})
	if err == nil {
		err = s.layer.background(func() {
			<-s.layer.done
			end()
		})
	}
	if err != nil { // the layer is closed already
		end()
	}
}

// refresh loads the settings of every bucket where they have changed (the first time of all: nobody knows what the fork has
// seen at its start), and forgets those of buckets that are gone. It goes
// on after an error and returns all of them.
func (r *refresher) refresh(ctx context.Context) error {
	buckets, err := r.l.ListBuckets(ctx)
	if err != nil {
		return err
	}
	var errs []error
	there := make(map[string]bool, len(buckets))
	for _, b := range buckets {
		there[b.Name] = true
		if err := r.bucket(ctx, b.Name); err != nil {
			errs = append(errs, fmt.Errorf("bucket %s: %w", b.Name, err))
		}
	}
	for name := range r.seen {
		if !there[name] {
			r.memory.Remove(name)
			r.events.AddRulesMap(name, nil)
			delete(r.seen, name)
		}
	}
	return errors.Join(errs...)
}

// maxReloads bounds how often settings that change all the time are loaded again at once.
const maxReloads = 5

// bucket loads the settings of a bucket if they are others than before. A request of this process may change them at the
// same time: it stores them, and then tells the fork. So what is loaded here is looked at again after the fork was told;
// an older version does not stay.
func (r *refresher) bucket(ctx context.Context, name string) error {
	now, err := r.version(ctx, name)
	if err != nil {
		return err
	}
	last, known := r.seen[name]
	for try := 0; !known || now != last; try++ {
		if try == maxReloads {
			delete(r.seen, name) // again at the next tick
			return nil
		}
		if err = r.load(ctx, name); err != nil {
			delete(r.seen, name)
			return err
		}
		r.seen[name] = now
		last, known = now, true
		if now, err = r.version(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// version looks at the file of a bucket's settings.
func (r *refresher) version(ctx context.Context, bucket string) (version, error) {
	i, err := r.l.v.Stat(ctx, metadataPath(bucket))
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ENOTDIR):
		return version{}, nil
	case err != nil:
		return version{}, err
	}
	return versionOf(i), nil
}

func versionOf(i *vfs.Info) version {
	return version{ino: uint64(i.Ino), size: i.Size, mtime: i.Mtime, ctime: i.Ctime}
}

// metadataPath is where the fork keeps the settings of a bucket.
func metadataPath(bucket string) string {
	return "/" + serverName + "/" + minio.BucketMetaPrefix + "/" + bucket + "/" + minio.BucketMetadataFile
}

// load tells the fork the settings of a bucket as they are stored.
func (r *refresher) load(ctx context.Context, bucket string) error {
	m, err := minio.LoadBucketMetadata(front.WithOrigin(ctx, front.Inside), r.l, bucket)
	if err != nil {
		return err
	}
	rules, err := rulesOf(&m, r.events.GetARNList(false))
	if err != nil {
		return err
	}
	r.memory.Set(bucket, m)
	r.events.AddRulesMap(bucket, rules) // none removes them
	return nil
}

// rulesOf returns the notification rules of a bucket. There are none as long as one of them names a target that this
// server has not got, as when the fork starts. arns are those of its targets.
func rulesOf(m *minio.BucketMetadata, arns []string) (event.RulesMap, error) {
	if len(m.NotificationConfigXML) == 0 {
		return nil, nil
	}
	var c event.Config
	if err := xml.Unmarshal(m.NotificationConfigXML, &c); err != nil {
		return nil, fmt.Errorf("notification rules: %w", err)
	}
	for _, q := range c.QueueList {
		if !hasTarget(arns, q.ARN.TargetID) {
			return nil, nil
		}
	}
	return c.ToRulesMap(), nil
}

// hasTarget reports whether one of arns, arn:minio:sqs:REGION:ID:NAME, is of a target.
func hasTarget(arns []string, id event.TargetID) bool {
	for _, arn := range arns {
		if strings.HasSuffix(arn, ":"+id.String()) {
			return true
		}
	}
	return false
}
