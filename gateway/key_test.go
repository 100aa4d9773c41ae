package gateway

import (
	"context"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	minio "github.com/minio/minio/cmd"
	"github.com/minio/minio/cmd/logger"

	"juicefs/gateway/front"
)

var (
	single = names{bucket: "vol"}
	multi  = names{multi: true, bucket: "vol"}

	fromOutside = front.WithOrigin(context.Background(), front.Outside)
	fromServer  = context.Background()
	fromBrowser = logger.SetReqInfo(context.Background(), &logger.ReqInfo{API: "WebListObjects"})
)

func TestObjectNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxComponent)
	for _, c := range []struct {
		name        string
		names       names
		ctx         context.Context
		bucket, key string
		use         use
		path        string // empty: an error
		err         error
	}{
		{name: "a key of the one bucket is a path", names: single, bucket: "vol", key: "a/b c", path: "/a/b c"},
		{name: "a bucket is a directory", names: multi, bucket: "buck", key: "a", path: "/buck/a"},
		{name: "a trailing slash is a directory", names: multi, bucket: "buck", key: "a/", path: "/buck/a"},
		{name: "odd but good", names: multi, bucket: "buck", key: "a\\b\t%2e%2e ..x/...", path: "/buck/a\\b\t%2e%2e ..x/..."},
		{name: "longest component", names: multi, bucket: "buck", key: long, path: "/buck/" + long},
		{name: "other bucket in single mode", names: single, bucket: "other", key: "a", err: minio.BucketNotFound{Bucket: "other"}},
		{name: "name that no bucket has", names: multi, bucket: "../x", key: "a", err: minio.BucketNotFound{Bucket: "../x"}},
		{name: "temporary files as a bucket", names: multi, bucket: ".sys", key: "a", err: minio.BucketNotFound{Bucket: ".sys"}},
		{name: "trash as a bucket", names: multi, bucket: ".trash", key: "a", err: minio.BucketNotFound{Bucket: ".trash"}},
		{name: "the browser's path as a bucket", names: multi, bucket: "minio", key: "a", err: minio.BucketNotFound{Bucket: "minio"}},
		{name: "bucket below the settings", names: multi, bucket: ".minio.sys/tmp", key: "a", err: minio.BucketNotFound{Bucket: ".minio.sys/tmp"}},
		{name: "settings from outside", names: multi, bucket: serverName, key: "config/config.json", err: minio.AllAccessDisabled{Bucket: serverName}},
		{name: "settings from the browser", names: multi, ctx: fromBrowser, bucket: serverName, key: "a", err: minio.AllAccessDisabled{Bucket: serverName}},
		{name: "settings from the server", names: multi, ctx: fromServer, bucket: serverName, key: "config/config.json", path: "/.minio.sys/config/config.json"},
		{name: "settings from the server, single", names: single, ctx: fromServer, bucket: serverName, key: "a", path: "/.minio.sys/a"},
		{name: "settings as a key", names: single, bucket: "vol", key: ".minio.sys/config/config.json", err: minio.PrefixAccessDenied{}},
		{name: "settings as a key without a mark", names: single, ctx: fromServer, bucket: "vol", key: ".minio.sys/x", err: minio.PrefixAccessDenied{}},
		{name: "settings as a directory object", names: single, bucket: "vol", key: ".minio.sys/", err: minio.PrefixAccessDenied{}},
		{name: "parts of uploads as a key", names: single, bucket: "vol", key: ".sys/uploads/x", err: minio.PrefixAccessDenied{}},
		{name: "virtual name", names: single, bucket: "vol", key: ".accesslog", err: minio.PrefixAccessDenied{}},
		{name: "virtual name with prefix", names: single, bucket: "vol", key: ".jfs.control", err: minio.PrefixAccessDenied{}},
		{name: "hidden names are fine in a bucket", names: multi, bucket: "buck", key: ".sys/x", path: "/buck/.sys/x"},
		{name: "name that only begins like a hidden one", names: single, bucket: "vol", key: ".sysx", path: "/.sysx"},
		{name: "empty", names: multi, bucket: "buck", key: "", err: minio.ObjectNameInvalid{}},
		{name: "parent", names: multi, bucket: "buck", key: "../other/x", err: minio.ObjectNameInvalid{}},
		{name: "parent inside", names: multi, bucket: "buck", key: "a/../../other/x", err: minio.ObjectNameInvalid{}},
		{name: "parent at the end", names: multi, bucket: "buck", key: "a/..", err: minio.ObjectNameInvalid{}},
		{name: "parent as a directory object", names: multi, bucket: "buck", key: "a/../", err: minio.ObjectNameInvalid{}},
		{name: "dot", names: multi, bucket: "buck", key: "a/./b", err: minio.ObjectNameInvalid{}},
		{name: "NUL", names: multi, bucket: "buck", key: "a\x00b", err: minio.ObjectNameInvalid{}},
		{name: "not UTF-8", names: multi, bucket: "buck", key: "a\xffb", err: minio.ObjectNameInvalid{}},
		{name: "double slash, read", names: multi, bucket: "buck", key: "a//b", err: minio.ObjectNotFound{}},
		{name: "double slash, removed", names: multi, bucket: "buck", key: "a//b", use: removes, err: minio.ObjectNotFound{}},
		{name: "double slash, written", names: multi, bucket: "buck", key: "a//b", use: writes, err: minio.ObjectNameInvalid{}},
		{name: "leading slash, read", names: multi, bucket: "buck", key: "/a", err: minio.ObjectNotFound{}},
		{name: "leading slash to the settings", names: single, bucket: "vol", key: "/.minio.sys/config/config.json", err: minio.ObjectNotFound{}},
		{name: "leading slash to the settings, written", names: single, bucket: "vol", key: "/.minio.sys/x", use: writes, err: minio.ObjectNameInvalid{}},
		{name: "two trailing slashes", names: multi, bucket: "buck", key: "a//", use: writes, err: minio.ObjectNameInvalid{}},
		{name: "slash alone", names: multi, bucket: "buck", key: "/", use: writes, err: minio.ObjectNameInvalid{}},
		{name: "long component", names: multi, bucket: "buck", key: "a/" + long + "x", err: minio.ObjectNameTooLong{}},
		{name: "long key", names: multi, bucket: "buck", key: strings.Repeat("abcdefg/", 129), err: minio.ObjectNameTooLong{}},
		{name: "parent in the settings", names: multi, ctx: fromServer, bucket: serverName, key: "config/iam/users/../../x", err: minio.ObjectNameInvalid{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx := c.ctx
			if ctx == nil {
				ctx = fromOutside
			}
			got, err := c.names.object(ctx, c.bucket, c.key, c.use)
			if c.path == "" {
				checkType(t, err, c.err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := target{bucket: c.bucket, key: c.key, path: c.path, top: got.top, dir: strings.HasSuffix(c.key, "/")}
			if d := cmp.Diff(got, want, cmp.AllowUnexported(target{})); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestPrefixes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, top, prefix string
		possible          bool
		err               error
	}{
		{name: "none", top: "/", possible: true},
		{name: "part of a name", top: "/", prefix: "a/b", possible: true},
		{name: "begin of a hidden name, which the listing leaves out", top: "/", prefix: ".sys", possible: true},
		{name: "in hidden", top: "/", prefix: ".sys/", err: minio.PrefixAccessDenied{}},
		{name: "in the settings", top: "/", prefix: ".minio.sys/config/iam/", err: minio.PrefixAccessDenied{}},
		{name: "in the settings by a slash more", top: "/", prefix: "/.minio.sys/", err: minio.PrefixAccessDenied{}},
		{name: "hidden name in a bucket", top: "/buck", prefix: ".sys/", possible: true},
		{name: "double slash", top: "/", prefix: "a//"},
		{name: "parent", top: "/buck", prefix: "../other/", err: minio.ObjectNameInvalid{}},
		{name: "parent without a slash", top: "/buck", prefix: "a/..", err: minio.ObjectNameInvalid{}},
		{name: "begin of a name with dots", top: "/buck", prefix: "a/..x", possible: true},
		{name: "NUL", top: "/buck", prefix: "\x00", err: minio.ObjectNameInvalid{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := names{}.prefix(c.top, "buck", c.prefix)
			if c.err != nil {
				checkType(t, err, c.err)
				return
			}
			if err != nil || got != c.possible {
				t.Errorf("got %v, %v, want %v", got, err, c.possible)
			}
		})
	}
}

func TestUploadIDs(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"0a1b2c3d-0000-4000-8000-00000000abcd":          true,
		"0A1B2C3D-0000-4000-8000-00000000ABCD":          false,
		"{0a1b2c3d-0000-4000-8000-00000000abcd}":        false,
		"0a1b2c3d00004000800000000000abcd":              false,
		"../../../../etc/passwd/aaaaaaaaaaaaaa":         false,
		"0a1b2c3d/0000-4000-8000-00000000abcd":          false,
		"urn:uuid:0a1b2c3d-0000-4000-8000-00000000abcd": false,
		"": false,
	} {
		if got := validUploadID(id); got != want {
			t.Errorf("%q: got %v, want %v", id, got, want)
		}
	}
}

func TestSystemDirectories(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		names        names
		bucket, want string
	}{
		{single, "vol", "/.sys"},
		{single, serverName, "/.sys/.minio.sys"},
		{multi, "buck", "/.sys/buck"},
		{multi, "vol", "/.sys/vol"},
		{multi, serverName, "/.sys/.minio.sys"},
	} {
		if got := c.names.sys(c.bucket); got != c.want {
			t.Errorf("%+v %s: got %s, want %s", c.names, c.bucket, got, c.want)
		}
	}
}

// FuzzNames holds that no name from outside leads out of its bucket or to a hidden name, and that no two keys have one
// path unless they differ by a trailing slash.
func FuzzNames(f *testing.F) {
	for _, key := range []string{"a", "a/b/", "../x", ".minio.sys/x", "//", "a/./b", ".sys", "\xff", "a\x00", "/.trash/x", ".jfs.stats"} {
		f.Add("buck", key)
		f.Add(key, "a")
	}
	f.Fuzz(func(t *testing.T, bucket, key string) {
		for _, n := range []names{single, multi, {bucket: bucket}} {
			for _, ctx := range []context.Context{fromOutside, fromBrowser} {
				for _, u := range []use{reads, removes, writes} {
					got, err := n.object(ctx, bucket, key, u)
					if err != nil {
						continue
					}
					checkPlace(t, n, bucket, key, got)
				}
			}
		}
	})
}

func checkPlace(t *testing.T, n names, bucket, key string, got target) {
	t.Helper()
	if path.Clean(got.path) != got.path {
		t.Errorf("%q %q: path %q is not clean", bucket, key, got.path)
	}
	if want := path.Join(got.top, key); got.path != want {
		t.Errorf("%q %q: path %q, want %q", bucket, key, got.path, want)
	}
	below := strings.TrimPrefix(got.path, "/")
	if first := firstName(below); hidden(first) || first == "" {
		t.Errorf("%q %q: path %q is hidden", bucket, key, got.path)
	}
	if n.multi && !strings.HasPrefix(got.path, "/"+bucket+"/") {
		t.Errorf("%q %q: path %q is out of the bucket", bucket, key, got.path)
	}
	back := strings.TrimPrefix(strings.TrimPrefix(got.path, got.top), "/")
	if got.dir {
		back += "/"
	}
	if back != key {
		t.Errorf("%q: path %q reads back as %q", key, got.path, back)
	}
}

// checkType compares errors by type: the fork's handlers do.
func checkType(t *testing.T, got, want error) {
	t.Helper()
	if typeName(got) != typeName(want) {
		t.Errorf("got error %T (%v), want %T", got, got, want)
	}
}
