package gateway

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	minio "github.com/minio/minio/cmd"
	"github.com/minio/minio/pkg/bucket/policy"

	"juicefs/gateway/front"
)

func TestBuckets(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	ctx := outsideCtx(t)
	checkType(t, l.MakeBucketWithLocation(ctx, "buck", minio.BucketOptions{}), minio.BucketAlreadyOwnedByYou{})
	for _, bad := range []string{"", "a", "Upper", "a_b", "..", ".sys", ".minio.sys", ".minio.sys/x", "minio", "1.2.3.4"} {
		checkType(t, l.MakeBucketWithLocation(ctx, bad, minio.BucketOptions{}), minio.BucketNameInvalid{})
	}
	checkType(t, l.MakeBucketWithLocation(ctx, "locked", minio.BucketOptions{LockEnabled: true}), minio.NotImplemented{})
	must(t, l.MakeBucketWithLocation(ctx, "another", minio.BucketOptions{}))
	buckets, err := l.ListBuckets(ctx)
	must(t, err)
	var names []string
	for _, b := range buckets {
		names = append(names, b.Name)
		if d := time.Since(b.Created); d < 0 || d > time.Hour {
			t.Errorf("%s was created %v ago", b.Name, d)
		}
	}
	same(t, "buckets", names, []string{"another", "buck"})
	_, err = l.GetBucketInfo(ctx, "locked")
	checkType(t, err, minio.BucketNotFound{})
	m, err := minio.LoadBucketMetadata(t.Context(), l, "another")
	must(t, err)
	same(t, "metadata", m.Name, "another")
}

func TestSingleBucket(t *testing.T) {
	t.Parallel()
	l := newLayer(t, Options{KeepETag: true})
	ctx := outsideCtx(t)
	must(t, l.MakeBucketWithLocation(ctx, "vol", minio.BucketOptions{}))
	checkType(t, l.MakeBucketWithLocation(ctx, "other", minio.BucketOptions{}), minio.BucketNotFound{})
	checkType(t, l.DeleteBucket(ctx, "vol", true), minio.BucketNotEmpty{})
	put(t, l, "vol", "x/y", []byte("z"))
	same(t, "listing hides what is not an object", keys(t, l, "vol", "", "", "/", 10), "[x/]")
	same(t, "flat listing", keys(t, l, "vol", "", "", "", 10), "x/y")
	buckets, err := l.ListBuckets(ctx)
	must(t, err)
	same(t, "buckets", len(buckets), 1)
	for _, prefix := range []string{".minio.sys/", ".sys/", ".minio.sys/config/"} {
		_, err = l.ListObjects(ctx, "vol", prefix, "", "", 10)
		checkType(t, err, minio.PrefixAccessDenied{})
		_, err = l.ListMultipartUploads(ctx, "vol", prefix, "", "", "", 10)
		checkType(t, err, minio.PrefixAccessDenied{})
	}
	same(t, "prefix of a hidden name", keys(t, l, "vol", ".minio", "", "", 10), "")
	_, err = l.ListObjects(outsideCtx(t), "vol", "/.minio.sys/", "", "", 10)
	checkType(t, err, minio.PrefixAccessDenied{})
}

func TestDeleteBucket(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	ctx := outsideCtx(t)
	checkType(t, l.DeleteBucket(ctx, "none", false), minio.BucketNotFound{})
	put(t, l, "buck", "a/b", []byte("x"))
	checkType(t, l.DeleteBucket(ctx, "buck", false), minio.BucketNotEmpty{})
	if _, err := minio.LoadBucketMetadata(t.Context(), l, "buck"); err != nil {
		t.Errorf("the settings are gone, the bucket is not: %v", err)
	}
	_, err := l.DeleteObject(ctx, "buck", "a/b", minio.ObjectOptions{})
	must(t, err)
	put(t, l, "buck", "d/", nil)
	checkType(t, l.DeleteBucket(ctx, "buck", false), minio.BucketNotEmpty{})
	_, err = l.DeleteObject(ctx, "buck", "d/", minio.ObjectOptions{})
	must(t, err)
	// What a mount leaves: directories that are no objects.
	for _, dir := range []string{"/buck/m", "/buck/m/n", "/buck/m/n/o", "/buck/p"} {
		must(t, l.makeDir(t.Context(), &target{}, dirCommit(dir)))
	}
	id, err := l.NewMultipartUpload(ctx, "buck", "up", minio.ObjectOptions{})
	must(t, err)
	must(t, l.DeleteBucket(ctx, "buck", false))
	_, err = l.GetBucketInfo(ctx, "buck")
	checkType(t, err, minio.BucketNotFound{})
	for _, gone := range []string{"/.sys/buck", "/.minio.sys/buckets/buck"} {
		if _, err = l.v.Stat(t.Context(), gone); err == nil {
			t.Errorf("%s outlives its bucket", gone)
		}
	}
	must(t, l.MakeBucketWithLocation(ctx, "buck", minio.BucketOptions{}))
	_, err = l.ListObjectParts(ctx, "buck", "up", id, 0, 10, minio.ObjectOptions{})
	checkType(t, err, minio.InvalidUploadID{})
}

func TestForcedDeleteBucket(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	put(t, l, "buck", "a/b", []byte("x"))
	must(t, l.DeleteBucket(outsideCtx(t), "buck", true))
	_, err := l.GetBucketInfo(outsideCtx(t), "buck")
	checkType(t, err, minio.BucketNotFound{})
}

func TestServerSettingsAreOutOfReach(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	ctx, data := context.Background(), []byte("{}")
	_, err := l.PutObject(ctx, serverName, "config/config.json", reader(t, bytes.NewReader(data), 2), minio.ObjectOptions{})
	must(t, err)
	i, err := l.v.Stat(t.Context(), "/.minio.sys/config/config.json")
	must(t, err)
	same(t, "mode", i.Mode, 0o600)
	if i, err = l.v.Stat(t.Context(), "/.minio.sys/config"); err != nil || i.Mode != 0o700 {
		t.Errorf("got mode %o, %v", i.Mode, err)
	}
	for _, ctx := range []context.Context{outsideCtx(t), fromBrowser} {
		_, err := l.GetObjectInfo(ctx, serverName, "config/config.json", minio.ObjectOptions{})
		checkType(t, err, minio.AllAccessDisabled{})
		_, err = l.ListObjects(ctx, serverName, "", "", "", 10)
		checkType(t, err, minio.AllAccessDisabled{})
		_, err = l.CopyObject(ctx, serverName, "config/config.json", "buck", "x", minio.ObjectInfo{}, minio.ObjectOptions{}, minio.ObjectOptions{})
		checkType(t, err, minio.AllAccessDisabled{})
		_, err = l.NewMultipartUpload(ctx, serverName, "config/x", minio.ObjectOptions{})
		checkType(t, err, minio.AllAccessDisabled{})
		checkType(t, l.DeleteBucket(ctx, serverName, true), minio.AllAccessDisabled{})
	}
}

func TestServerWalksItsSettings(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	ctx := context.Background()
	for _, key := range []string{"config/iam/users/alice/identity.json", "config/iam/users/bob/identity.json"} {
		_, err := l.PutObject(ctx, serverName, key, reader(t, strings.NewReader("{}"), 2), minio.ObjectOptions{})
		must(t, err)
	}
	for prefix, want := range map[string]string{
		"config/iam/users/": "config/iam/users/alice/identity.json config/iam/users/bob/identity.json",
		"config/iam/sts/":   "",
	} {
		ch := make(chan minio.ObjectInfo)
		must(t, l.Walk(ctx, serverName, prefix, ch, minio.ObjectOptions{}))
		var got []string
		for o := range ch {
			got = append(got, o.Name)
		}
		same(t, prefix, strings.Join(got, " "), want)
	}
	ch := make(chan minio.ObjectInfo)
	if err := l.Walk(ctx, "none", "", ch, minio.ObjectOptions{}); err == nil {
		for range ch { // ends
		}
	}
	// A receiver that goes away does not keep the layer from ending.
	must(t, l.Walk(ctx, serverName, "config/", make(chan minio.ObjectInfo), minio.ObjectOptions{}))
	must(t, l.Shutdown(ctx))
	checkType(t, l.Walk(ctx, serverName, "", make(chan minio.ObjectInfo), minio.ObjectOptions{}), context.Canceled)
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	ctx := outsideCtx(t)
	_, err := l.GetBucketPolicy(ctx, "buck")
	checkType(t, err, minio.BucketPolicyNotFound{})
	text := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::buck/*"]}]}`
	p, err := policy.ParseConfig(strings.NewReader(text), "buck")
	must(t, err)
	must(t, l.SetBucketPolicy(ctx, "buck", p))
	got, err := l.GetBucketPolicy(ctx, "buck")
	must(t, err)
	same(t, "statements", len(got.Statements), 1)
	must(t, l.DeleteBucketPolicy(ctx, "buck"))
	_, err = l.GetBucketPolicy(ctx, "buck")
	checkType(t, err, minio.BucketPolicyNotFound{})
	_, err = l.GetBucketPolicy(ctx, "none")
	checkType(t, err, minio.BucketNotFound{})
}

func TestLocksExcludeOtherGateways(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.layer(t, allKept()).NewNSLock(serverName, "config_lock"), w.layer(t, allKept()).NewNSLock(serverName, "config_lock")
	long, short := minio.NewDynamicTimeout(time.Minute, time.Second), minio.NewDynamicTimeout(20*time.Millisecond, time.Millisecond)
	_, err := a.GetLock(t.Context(), long)
	must(t, err)
	_, err = b.GetLock(t.Context(), short)
	checkType(t, err, minio.OperationTimedOut{})
	got := make(chan error, 1)
	go func() {
		_, err = b.GetRLock(t.Context(), long)
		got <- err
	}()
	a.Unlock()
	must(t, <-got)
	_, err = a.GetRLock(t.Context(), long) // shared
	must(t, err)
	_, err = b.GetRLock(t.Context(), long)
	must(t, err)
	a.RUnlock()
	b.RUnlock()
	b.RUnlock()
	_, err = a.GetLock(t.Context(), long)
	must(t, err)
	a.Unlock()
}

func TestLayerIsClosedBeforeStartAndAfterShutdown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stopped := 0
	l := New(w.v, Options{Stop: func(context.Context) error { stopped++; return nil }})
	_, err := l.ListBuckets(t.Context())
	checkType(t, err, context.Canceled)
	must(t, l.Start(t.Context()))
	_, err = l.ListBuckets(t.Context())
	must(t, err)
	must(t, l.Shutdown(t.Context()))
	must(t, l.Shutdown(t.Context()))
	same(t, "stops", stopped, 1)
	_, err = tryPut(t, l, outsideCtx(t), "vol", "a", nil)
	checkType(t, err, context.Canceled)
	if l.ReadHealth(t.Context()) {
		t.Error("healthy after shutdown")
	}
}

func TestStorageInfo(t *testing.T) {
	t.Parallel()
	l := newLayer(t, allKept())
	put(t, l, "buck", "a", noise(1<<20))
	info, errs := l.StorageInfo(t.Context())
	if len(errs) != 1 || errs[0] != nil || len(info.Disks) != 1 || info.Disks[0].TotalSpace == 0 {
		t.Errorf("got %+v, %v", info, errs)
	}
}

func TestCleanRemovesWhatIsOld(t *testing.T) {
	t.Parallel()
	o := allKept()
	now := time.Now()
	o.Now = func() time.Time { return now }
	l := newLayer(t, o)
	ctx := front.WithOrigin(t.Context(), front.Outside)
	id, err := l.NewMultipartUpload(ctx, "buck", "k", minio.ObjectOptions{})
	must(t, err)
	must(t, l.makeDir(ctx, &target{}, dirCommit("/.sys/buck/uploads/unknown")))
	must(t, l.clean(ctx))
	_, err = l.GetMultipartInfo(ctx, "buck", "k", id, minio.ObjectOptions{})
	must(t, err)
	now = now.Add(7*24*time.Hour + time.Minute)
	must(t, l.clean(ctx))
	_, err = l.GetMultipartInfo(ctx, "buck", "k", id, minio.ObjectOptions{})
	checkType(t, err, minio.InvalidUploadID{})
	if _, err := l.v.Stat(ctx, "/.sys/buck/uploads/unknown"); err != nil {
		t.Errorf("an unknown name is gone: %v", err)
	}
	if _, err := l.v.Stat(ctx, "/.sys/buck/uploads/"+slot(id)); err == nil {
		t.Error("the empty slot stays")
	}
}
