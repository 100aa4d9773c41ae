package front

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestNamesOfAccounts(t *testing.T) {
	for name, want := range map[string]bool{
		"svcacct1": true, "alice@example.org": true, "team/alice": true, "uid=alice,ou=people": true, "a.b": true, "...": true, "Ünïcode": true, "two words": true,
		"": false, "***": false, "a?c": false, "${aws:username}": false, `a\b`: false, "..": false, "../users/alice": false, "a/../b": false, "a//b": false,
		"/a": false, "a/": false, "a/./b": false, "a\x00b": false, "a\nb": false, "\xff\xfe\xfd": false,
	} {
		if got := goodName(name); got != want {
			t.Errorf("%q: got %v", name, got)
		}
	}
}

func TestNamesOfGroups(t *testing.T) {
	for body, want := range map[string]bool{
		`{"group":"people","members":["a"]}`: true, `{"GROUP":"../users/alice"}`: false, `{"group":"people","group":"../x"}`: false, `{"members":[]}`: false, `{`: true,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/minio/admin/v3/update-group-members", strings.NewReader(body))
		if got := changeGroup(r) == nil; got != want {
			t.Errorf("%s: got %v", body, got)
		}
	}
}
