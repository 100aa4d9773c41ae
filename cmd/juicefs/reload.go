package main

import (
	"maps"

	"juicefs/meta"
	"juicefs/meta/record"
	"juicefs/pkg/object"
)

// dataSetting is a volume's setting with secrets in clear, in which options of this client come first.
func dataSetting(volumes *record.Setting, o *serviceOptions) (*record.Setting, error) {
	s := *volumes
	if err := meta.DecryptSecrets(&s); err != nil {
		return nil, err
	}
	if o.storage != "" {
		s.Storage = o.storage
	}
	if o.bucket != "" {
		s.Bucket = o.bucket
	}
	var err error
	if s.Bucket, err = completeBucket(s.Storage, s.Bucket); err != nil {
		return nil, err
	}
	if o.class != "" {
		if err = setStorageClass(&s, o.class); err != nil {
			return nil, err
		}
	}
	s.UploadLimit, s.DownloadLimit = orElse(o.uploadLimit, s.UploadLimit), orElse(o.downloadLimit, s.DownloadLimit)
	return &s, nil
}

// orElse is the limit of this client, or the volume's.
func orElse(own, volumes int64) int64 {
	if own > 0 {
		return own
	}
	return volumes
}

// openServiceBucket opens the object store for a service.
func (p *program) openServiceBucket(s *record.Setting, v *volume, o *serviceOptions) (object.Bucket, error) {
	v.data = s
	return p.openBucket(s, storeOptions{getTimeout: o.getTimeout, putTimeout: o.putTimeout, retries: o.retries,
		up: s.UploadLimit, down: s.DownloadLimit, metrics: v.meter.Load(), log: p.log})
}

// followSetting puts into use what another client changed about the object store of a running volume: where it is, its
// keys, its storage class and how fast it may be used. What is under way ends with the old one.
func (p *program) followSetting(v *volume, o *serviceOptions, changed *record.Setting) {
	s, err := dataSetting(changed, o)
	if err == nil && sameData(s, v.data) {
		return
	}
	var b object.Bucket
	if err == nil {
		b, err = p.openServiceBucket(s, v, o)
	}
	if err == nil {
		err = v.bucket.Set(b)
	}
	if err != nil {
		p.log.Error("the object store of the volume was changed, but this service goes on with the old one until it is started again", "error", err)
		return
	}
	p.log.Info("the object store of the volume was changed", "bucket", b.String(), "upload limit", s.UploadLimit, "download limit", s.DownloadLimit)
}

// sameData reports whether two settings mean the same object store, used in the same way.
func sameData(a, b *record.Setting) bool {
	return a.Storage == b.Storage && a.Bucket == b.Bucket && a.AccessKey == b.AccessKey && a.SecretKey == b.SecretKey &&
		a.SessionToken == b.SessionToken && a.StorageClass == b.StorageClass && maps.Equal(a.Tiers, b.Tiers) &&
		a.UploadLimit == b.UploadLimit && a.DownloadLimit == b.DownloadLimit
}
