package front

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestClaims(t *testing.T) {
	t.Parallel()
	trusted := proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct {
		name   string
		peer   string
		header http.Header
		want   string // the address that the server is told; empty: none
	}{
		{"a stranger", "192.0.2.1:5", http.Header{forwardedFor: {"1.2.3.4"}, realIP: {"1.2.3.4"}, "Forwarded": {"for=1.2.3.4"}}, ""},
		{"a proxy", "10.1.1.1:5", http.Header{forwardedFor: {"1.2.3.4"}}, "1.2.3.4"},
		{"what the client made up is on the left", "10.1.1.1:5", http.Header{forwardedFor: {"9.9.9.9, 1.2.3.4"}}, "1.2.3.4"},
		{"two proxies", "10.1.1.1:5", http.Header{forwardedFor: {"9.9.9.9, 1.2.3.4", "10.2.2.2"}}, "1.2.3.4"},
		{"only proxies", "10.1.1.1:5", http.Header{forwardedFor: {"10.3.3.3, 10.2.2.2"}}, "10.3.3.3"},
		{"not an address", "10.1.1.1:5", http.Header{forwardedFor: {"1.2.3.4, unknown"}}, ""},
		{"the other header", "10.1.1.1:5", http.Header{realIP: {"1.2.3.4"}}, "1.2.3.4"},
		{"the list counts, not the other header", "10.1.1.1:5", http.Header{forwardedFor: {"junk"}, realIP: {"1.2.3.4"}}, ""},
		{"another form is not read", "10.1.1.1:5", http.Header{"Forwarded": {"for=1.2.3.4"}}, ""},
		{"version 6", "[fd00::1]:5", http.Header{forwardedFor: {"2001:db8::7"}}, "2001:db8::7"},
		{"version 4 in 6", "[::ffff:10.1.1.1]:5", http.Header{forwardedFor: {"1.2.3.4"}}, "1.2.3.4"},
		{"no peer", "", http.Header{forwardedFor: {"1.2.3.4"}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/b/k", nil)
			r.RemoteAddr, r.Header = c.peer, c.header
			trusted.scrub(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if got := r.Header.Get(forwardedFor); got != c.want || len(r.Header[realIP]) > 0 || len(r.Header["Forwarded"]) > 0 {
					t.Errorf("got %v, want %q", r.Header, c.want)
				}
			})).ServeHTTP(httptest.NewRecorder(), r)
		})
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	for peer, want := range map[string]string{"192.0.2.1:5": "192.0.2.1", "[2001:db8:1:2:3::4]:5": "2001:db8:1:2::", "[::ffff:1.2.3.4]:5": "1.2.3.4"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = peer
		if got := source(r).String(); got != want {
			t.Errorf("%s: got %s, want %s", peer, got, want)
		}
	}
}

func TestClaimedKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ authorization, query, want string }{
		{"AWS4-HMAC-SHA256 Credential=AK/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=x", "", "AK"},
		{"AWS AK:sig", "", "AK"},
		{"", "X-Amz-Credential=AK%2F20260101%2Fr%2Fs3%2Faws4_request", "AK"},
		{"", "AWSAccessKeyId=AK&Signature=x", "AK"},
		{"", "", ""},
		{"Bearer x", "", ""},
		{"AWS4-HMAC-SHA256", "", ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/b/k?"+c.query, nil)
		r.Header.Set("Authorization", c.authorization)
		if got := claimedKey(r); got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}
