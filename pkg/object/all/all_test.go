package all_test

import (
	"errors"
	"testing"

	"juicefs/pkg/object/all"
)

func TestOpen(t *testing.T) {
	for kind, want := range map[string]string{"file": "file:///x/", "": "file:///x/", "File": "file:///x/", "mem": "mem://"} {
		b, err := all.Open(kind, "/x", "", "", "")
		if err != nil || b.String() != want {
			t.Errorf("%q: got %v, %v, want %s", kind, b, err, want)
		}
	}
	_, err := all.Open("tape", "/x", "access", "secret", "token")
	if err == nil || err.Error() != "invalid storage: tape" || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}
