package gateway

import (
	"errors"
	"testing"

	minio "github.com/minio/minio/cmd"

	"juicefs/meta"
)

// TestS27LinksStayInTheVolume: links, which only a mount makes, lead to what is in the volume, be it in another bucket.
func TestS27LinksStayInTheVolume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.layer(t, allKept())
	for _, b := range []string{"links", "other", "etc"} {
		must(t, l.MakeBucketWithLocation(t.Context(), b, minio.BucketOptions{}))
	}
	put(t, l, "other", "d/k", []byte("other"))
	put(t, l, "etc", "hostname", []byte("of the volume"))
	fs, err := meta.Open(t.Context(), w.eng, meta.Options{})
	must(t, err)
	c := &meta.Caller{}
	dir, err := fs.Resolve(t.Context(), c, "/links", meta.Want{})
	must(t, err)
	for name, target := range map[string]string{
		"host": "/etc/hostname", "above": "../../../../../etc/hostname", "proc": "/proc/self/environ", "across": "../other/d/k", "itself": "itself",
		"dir": "../other/d",
	} {
		_, _, err := fs.Symlink(t.Context(), c, dir.Ino, name, target)
		must(t, err)
	}
	for key, want := range map[string]string{"above": "of the volume", "across": "other", "dir/k": "other"} {
		same(t, key, string(get(t, l, "links", key)), want)
	}
	for _, key := range []string{"host", "proc", "itself", "host/x"} {
		if data, err := read(t, l, "links", key, nil, minio.ObjectOptions{}); err == nil {
			t.Errorf("%s leads to %q", key, data)
		}
	}
	must(t, fs.Close(t.Context()))
}

// TestNoLinkLeadsToWhatIsReserved: what is out of reach by its name is so by a link, too.
func TestNoLinkLeadsToWhatIsReserved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := startLayer(t, w.open(t, meta.Options{Unlinked: Reserved}), allKept())
	must(t, l.MakeBucketWithLocation(t.Context(), "links", minio.BucketOptions{}))
	put(t, l, "links", "dir/k", []byte("plain"))
	fs, err := meta.Open(t.Context(), w.eng, meta.Options{})
	must(t, err)
	c := &meta.Caller{}
	dir, err := fs.Resolve(t.Context(), c, "/links", meta.Want{})
	must(t, err)
	for name, target := range map[string]string{"a": "../.minio.sys", "b": "a/../../.minio.sys/config", "c": "/s3gateway/.sys", "d": "../.trash", "e": "d", "fine": "dir"} {
		_, _, err = fs.Symlink(t.Context(), c, dir.Ino, name, target)
		must(t, err)
	}
	same(t, "a link that is fine", string(get(t, l, "links", "fine/k")), "plain")
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		if _, err := l.GetObjectInfo(outsideCtx(t), "links", name+"/config.json", minio.ObjectOptions{}); !errors.As(err, new(minio.PrefixAccessDenied)) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	must(t, fs.Close(t.Context()))
}
