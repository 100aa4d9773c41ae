package s3

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
)

// TestForms has a row for each form of address: how it is taken apart, and the URL of a key.
func TestForms(t *testing.T) {
	for _, c := range []struct{ kind, text, env, want string }{
		{"s3", "https://blobs.s3.eu-west-1.amazonaws.com", "", "eu-west-1 https://blobs.s3.eu-west-1.amazonaws.com/k%20ey"},
		{"s3", "https://blobs.s3-eu-west-1.amazonaws.com", "", "eu-west-1 https://blobs.s3-eu-west-1.amazonaws.com/k%20ey"},
		{"s3", "https://blobs.s3.dualstack.us-east-2.amazonaws.com", "", "us-east-2 https://blobs.s3.dualstack.us-east-2.amazonaws.com/k%20ey"},
		{"s3", "https://blobs.s3.cn-north-1.amazonaws.com.cn", "", "cn-north-1 https://blobs.s3.cn-north-1.amazonaws.com.cn/k%20ey"},
		{"s3", "https://s3.us-gov-west-1.amazonaws.com/blobs", "", "us-gov-west-1 https://blobs.s3.us-gov-west-1.amazonaws.com/k%20ey"},
		{"s3", "https://s3.us-west-1.amazonaws.com/blobs/more/", "", "us-west-1 https://blobs.s3.us-west-1.amazonaws.com/k%20ey"},
		{"s3", "blobs.s3.us-west-1.amazonaws.com", "", "us-west-1 https://blobs.s3.us-west-1.amazonaws.com/k%20ey"},
		{"s3", "https://dotted.blobs.s3.us-west-1.amazonaws.com", "", "us-west-1 https://s3.us-west-1.amazonaws.com/dotted.blobs/k%20ey"},
		{"s3", "https://blobs.s3.amazonaws.com", "", "? https://blobs.s3.somewhere.amazonaws.com/k%20ey"},
		{"s3", "blobs", "AWS_REGION=eu-west-1", "? https://blobs.s3.somewhere.amazonaws.com/k%20ey"},
		{"s3", "blobs?disable-checksum=true", "", "? https://blobs.s3.somewhere.amazonaws.com/k%20ey"},
		{"s3", "blobs.vpce-0a1b-x.s3.us-east-1.vpce.amazonaws.com", "", "us-east-1 https://blobs.vpce-0a1b-x.s3.us-east-1.vpce.amazonaws.com/k%20ey"},
		{"s3", "https://blobs.store.example:9000", "", "us-east-1 https://store.example:9000/blobs/k%20ey"},
		{"s3", "http://blobs.store.example", "JFS_S3_VHOST_STYLE=1", "us-east-1 http://blobs.store.example/k%20ey"},
		{"s3", "http://store.example/blobs", "JFS_S3_VHOST_STYLE=yes", "us-east-1 http://blobs.store.example/k%20ey"},
		{"s3", "http://store.example/blobs", "JFS_S3_VHOST_STYLE=False", "us-east-1 http://store.example/blobs/k%20ey"},
		{"s3", "store.example:80/blobs", "AWS_DEFAULT_REGION=eu-west-1", "eu-west-1 http://store.example:80/blobs/k%20ey"},
		{"s3", "localhost:9000/blobs", "", "us-east-1 http://localhost:9000/blobs/k%20ey"},
		{"s3", "http://127.0.0.1:9000/minio/x", "", "us-east-1 http://127.0.0.1:9000/minio/k%20ey"},
		{"s3", "http://[::1]:9000/blobs", "", "us-east-1 http://[::1]:9000/blobs/k%20ey"},
		{"s3", "https://blobs.space.compat.objectstorage.eu-frankfurt-1.oraclecloud.com", "", "eu-frankfurt-1 https://space.compat.objectstorage.eu-frankfurt-1.oraclecloud.com/blobs/k%20ey"},
		{"s3", "https://blobs.s3.gra.io.cloud.ovh.net", "AWS_REGION=x", "gra https://s3.gra.io.cloud.ovh.net/blobs/k%20ey"},
		{"minio", "http://host:9000/blobs", "", "us-east-1 http://host:9000/blobs/k%20ey"},
		{"minio", "host:9000/minio/blobs", "", "us-east-1 http://host:9000/blobs/k%20ey"},
		{"minio", "host:9000/minio", "", "us-east-1 http://host:9000/minio/k%20ey"},
		{"minio", "https://host/blobs?region=here", "MINIO_REGION=there", "here https://host/blobs/k%20ey"},
		{"minio", "https://host/blobs/", "MINIO_REGION=there", "there https://host/blobs/k%20ey"},
		{"minio", "http://blobs.host.example", "", "error: names no bucket"},
		{"s3", "http://127.0.0.1:9000", "", "error: names no bucket"},
		{"s3", "http://localhost:9000/", "", "error: names no bucket"},
		{"s3", "https://s3.us-west-1.amazonaws.com", "", "error: names no bucket"},
		{"s3", "ftp://store.example/blobs", "", "error: scheme ftp"},
		{"s3", "http://me:hush@store.example/blobs", "", "error: has a user"},
		{"s3", "http://me:hush@store.example:port/blobs", "", "error: not a URL"},
		{"s3", "http://store.example/b", "", "error: bucket \"b\""},
		{"s3", "", "", "error: "},
	} {
		getenv := func(name string) string {
			if k, v, _ := strings.Cut(c.env, "="); k == name {
				return v
			}
			return ""
		}
		of := parse
		if c.kind == "minio" {
			of = parseMinIO
		}
		a, err := of(c.text, getenv)
		if part, ok := strings.CutPrefix(c.want, "error: "); ok {
			if err == nil || !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "hush") {
				t.Errorf("%s %s: got %v, want an error with %q", c.kind, c.text, err, part)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s %s: %v", c.kind, c.text, err)
			continue
		}
		region, host := a.region, a.host
		if region == "" {
			region = "?"
		}
		if host == "" {
			host = amazonEndpoint("somewhere")
		}
		u, err := a.url(host, "k ey", nil)
		if err != nil || region+" "+u.String() != c.want {
			t.Errorf("%s %s: got %s %v, %v, want %s", c.kind, c.text, region, u, err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("https://blobs.s3.eu-west-1.amazonaws.com")
	f.Add("127.0.0.1:9000/minio/blobs?region=x")
	f.Add("http://u:p@h/b")
	f.Fuzz(func(t *testing.T, text string) {
		for _, of := range []func(string, func(string) string) (*address, error){parse, parseMinIO} {
			a, err := of(text, func(string) string { return "" })
			if err != nil {
				continue
			}
			host := a.host
			if host == "" {
				host = amazonEndpoint(defaultRegion)
			}
			u, err := a.url(host, "key/with space", nil)
			if err == nil && !strings.HasSuffix(u.Path, "/key/with space") {
				t.Errorf("%q: the URL of a key is %s", text, u)
			}
		}
	})
}

func TestErrorsAreOneLineWithoutSecrets(t *testing.T) {
	b := &Bucket{hide: []string{"hush", "token1"}}
	for text, want := range map[string]string{
		"plain":                        "plain",
		"two\nlines\r\n\ttab \x00 end": "two lines   tab   end",
		"you sent hush and token1":     "you sent *** and ***",
		strings.Repeat("x", 400):       strings.Repeat("x", mostMessage) + "...",
	} {
		if got := b.censor(clean(text)); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestFinal says which refusals another try can help, and which are the sentinels of package fs.
func TestFinal(t *testing.T) {
	for _, c := range []struct {
		status                int
		code                  string
		final, absent, denied bool
	}{
		{404, "NoSuchKey", true, true, false}, {404, "NotFound", true, true, false}, {404, "NoSuchBucket", true, false, false},
		{403, "AccessDenied", true, false, true}, {403, "SignatureDoesNotMatch", true, false, true}, {401, "Unauthorized", true, false, true},
		{400, "InvalidArgument", true, false, false}, {400, "RequestTimeout", false, false, false}, {400, "BadDigest", false, false, false},
		{400, "ExpiredToken", true, false, false}, {409, "OperationAborted", false, false, false}, {429, "TooManyRequests", false, false, false},
		{500, "InternalError", false, false, false}, {503, "SlowDown", false, false, false}, {502, "BadGateway", false, false, false},
		{501, "NotImplemented", true, false, false}, {507, "InsufficientStorage", true, false, false}, {301, "PermanentRedirect", true, false, false},
	} {
		err := failed("get", "key", &Error{Status: c.status, Code: c.code})
		if got := (&Bucket{}).Final(err); got != c.final {
			t.Errorf("%v: got final %v", err, got)
		}
		if got := errors.Is(err, fs.ErrNotExist); got != c.absent {
			t.Errorf("%v: got absent %v", err, got)
		}
		if got := errors.Is(err, fs.ErrPermission); got != c.denied {
			t.Errorf("%v: got denied %v", err, got)
		}
	}
	if (&Bucket{renews: true}).Final(&Error{Status: 400, Code: "ExpiredToken"}) {
		t.Error("keys that can be had anew are given up when they expire")
	}
	if (&Bucket{}).Final(failed("get", "k", &mismatchError{})) {
		t.Error("bytes that were damaged on their way are not read again")
	}
}
