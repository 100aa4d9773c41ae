package front

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// listed is what the elements of a listing say, of whatever kind.
type listed struct {
	Prefix, Delimiter, StartAfter, NextContinuationToken, EncodingType string
	Contents                                                           []struct{ Key, ETag string }
	CommonPrefixes                                                     []struct{ Prefix string }
}

// page writes a page as the reply to a request for it.
func page(tb testing.TB, kind ListKind, query url.Values, p Page) []byte {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), http.MethodGet, "/b?"+query.Encode(), nil)
	l := &Listing{request: r}
	if _, ok := l.Query(kind); !ok {
		tb.Fatal(l.refused)
	}
	l.Tell(p)
	return l.write()
}

// xmlText is what a reader of XML finds for a string that was written as text.
func xmlText(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000 {
			return r
		}
		return utf8.RuneError
	}, s)
}

func FuzzListing(f *testing.F) {
	f.Add("a b+c%/ü<>&\"'", "pre/", "/")
	f.Add("\x00\x1f\n\r\t", "\xff", "\ufffe")
	f.Add("~*()!-_.", "", "")
	f.Fuzz(func(t *testing.T, key, prefix, delimiter string) {
		p := Page{Entries: []Entry{{Key: key, ETag: key}}, Prefixes: []string{prefix}, More: true, Next: key}
		query := url.Values{"prefix": {prefix}, "delimiter": {delimiter}, "start-after": {key}}
		var got listed
		if err := xml.Unmarshal(page(t, ListV2, query, p), &got); err != nil {
			t.Fatal(err)
		}
		plain := []string{got.Contents[0].Key, strings.Trim(got.Contents[0].ETag, `"`), got.CommonPrefixes[0].Prefix, got.Prefix, got.Delimiter, got.StartAfter}
		for k, want := range []string{key, strings.Trim(key, `"`), prefix, prefix, delimiter, key} {
			if plain[k] != xmlText(want) {
				t.Errorf("%d: got %q for %q", k, plain[k], want)
			}
		}
		token, err := base64.StdEncoding.DecodeString(got.NextContinuationToken)
		if err != nil || string(token) != key {
			t.Errorf("token: got %q, %v for %q", token, err, key)
		}
		query.Set("encoding-type", "url")
		got = listed{}
		if err := xml.Unmarshal(page(t, ListV2, query, p), &got); err != nil || got.EncodingType != "url" {
			t.Fatal(err, got.EncodingType)
		}
		for encoded, want := range map[string]string{got.Contents[0].Key: key, got.CommonPrefixes[0].Prefix: prefix, got.Prefix: prefix, got.Delimiter: delimiter, got.StartAfter: key} {
			// Clients decode it either way.
			asPath, err1 := url.PathUnescape(encoded)
			asQuery, err2 := url.QueryUnescape(encoded)
			if err1 != nil || err2 != nil || asPath != want || asQuery != want {
				t.Errorf("got %q for %q", encoded, want)
			}
		}
	})
}

// fullPage is a page of 1,000 keys.
func fullPage() Page {
	p := Page{Entries: make([]Entry, maxPage)}
	for k := range p.Entries {
		p.Entries[k] = Entry{Key: "some/directory/object-" + time.Duration(k).String(), ETag: "d41d8cd98f00b204e9800998ecf8427e", Size: int64(k)}
	}
	return p
}

func TestPageIsWrittenOnce(t *testing.T) {
	p := fullPage()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/b?list-type=2", nil)
	got := testing.AllocsPerRun(10, func() {
		l := &Listing{request: r}
		if _, ok := l.Query(ListV2); !ok {
			t.Fatal(l.refused)
		}
		l.page = &p
		l.write()
	})
	if got > 20 {
		t.Errorf("a page of 1,000 keys takes %v allocations", got)
	}
}

func BenchmarkPage(b *testing.B) {
	p := fullPage()
	for b.Loop() {
		b.SetBytes(int64(len(page(b, ListV2, url.Values{}, p))))
	}
}

func TestOnlyListingsAreListings(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]bool{
		"GET /b": true, "GET /b/": true, "GET /b?versions": true, "GET /b/k?uploadId=x": true,
		"GET /b/k": false, "HEAD /b": false, "PUT /b/k": false, "GET /": false, "GET /minio/b": false, "GET /b/k?attributes": false,
	} {
		method, path, _ := strings.Cut(target, " ")
		if got := asksForList(httptest.NewRequestWithContext(t.Context(), method, path, nil)); got != want {
			t.Errorf("%s: got %v", target, got)
		}
	}
}
