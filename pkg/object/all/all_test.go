package all_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"juicefs/pkg/object/all"
)

func TestOpen(t *testing.T) {
	keys := all.Options{AccessKey: "access", SecretKey: "hush", SessionToken: "token"}
	for _, c := range []struct{ kind, address, want string }{
		{"file", "/x", "file:///x/"}, {"", "/x", "file:///x/"}, {"File", "/x", "file:///x/"}, {"mem", "/x", "mem://"},
		{"s3", "http://host:9000/blobs", "s3://host:9000/blobs/"}, {"minio", "host:9000/blobs", "minio://host:9000/blobs/"},
	} {
		kind, want := c.kind, c.want
		b, err := all.Open(kind, c.address, keys)
		if err != nil || b.String() != want {
			t.Errorf("%q: got %v, %v, want %s", kind, b, err, want)
		}
	}
	_, err := all.Open("tape", "/x", keys)
	if err == nil || err.Error() != "invalid storage: tape" || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
	if text := fmt.Sprintf("%v %+v %#v", keys, keys, keys); strings.Contains(text, "hush") || strings.Contains(text, "token") {
		t.Errorf("options show their secrets: %s", text)
	}
}
