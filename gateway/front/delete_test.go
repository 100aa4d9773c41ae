package front

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func FuzzDeletes(f *testing.F) {
	f.Add("<Delete><Quiet>true</Quiet><Object><Key>a</Key></Object><Object><Key>/b&lt;</Key><VersionId>null</VersionId></Object></Delete>")
	f.Add(`<Delete xmlns="` + namespace + `"><Object><Key> </Key></Object></Delete>`)
	f.Add("<Delete><Object></Object></Delete>")
	f.Add("<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete><x/>")
	f.Fuzz(func(t *testing.T, body string) {
		d, failed := parseDeletes([]byte(body))
		if failed != nil {
			return
		}
		// The server reads the same keys, none with a slash in front.
		var got struct {
			Quiet  bool
			Object []struct{ Key, VersionId string }
		}
		if err := xml.Unmarshal(d.forServer(), &got); err != nil || !got.Quiet || len(got.Object) != len(d.objects) {
			t.Fatalf("%v: %s", err, d.forServer())
		}
		for k, o := range got.Object {
			if o.Key != xmlText(d.objects[k].sent) || o.VersionId != d.objects[k].Version || strings.HasPrefix(o.Key, "/") || o.Key == "" {
				t.Errorf("got %q of %q", o, d.objects[k])
			}
		}
		said, failed := d.afterServer([]byte("<DeleteResult/>"))
		if failed != nil {
			t.Fatal(failed)
		}
		var r struct {
			Deleted []struct{ Key string }
			Error   []struct{ Key string }
		}
		if err := xml.Unmarshal(said, &r); err != nil || len(r.Error) != 0 || len(r.Deleted) != len(d.objects) && !d.quiet {
			t.Errorf("%v: %s", err, said)
		}
	})
}

// removing is a server that removes keys.
type removing struct {
	vouching
	takes  bool
	failed map[string]*Failure
	asked  []string
}

func (s *removing) Delete(w http.ResponseWriter, _ *http.Request, keys []string, answer func(map[string]*Failure) []byte) bool {
	if s.asked = keys; s.takes {
		_, _ = w.Write(answer(s.failed))
	}
	return s.takes
}

func TestDeletesPastTheHandler(t *testing.T) {
	t.Parallel()
	const one, two = "<Delete><Object><Key>a</Key></Object><Object><Key>/b</Key></Object><Object><Key>a</Key></Object></Delete>",
		"<Delete><Object><Key>a</Key></Object><Object><Key>b</Key><VersionId>null</VersionId></Object></Delete>"
	for _, c := range []struct {
		name, body string
		takes      bool
		asked      string
		handled    string // what the handler reads
		want       string
	}{
		{"taken", one, true, "a b//", "", "<Error><Key>a</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error><Deleted><Key>/b</Key></Deleted><Error><Key>a</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"},
		{"left", one, false, "a b//", "<Object><Key>a</Key></Object><Object><Key>b//</Key></Object><Object><Key>a</Key></Object>", "<Deleted><Key>a</Key></Deleted><Deleted><Key>/b</Key></Deleted><Deleted><Key>a</Key></Deleted>"},
		{"a version", two, true, "", "<Object><Key>a</Key></Object><Object><Key>b</Key><VersionId>null</VersionId></Object>", "<Deleted><Key>a</Key></Deleted><Deleted><Key>b</Key><VersionId>null</VersionId></Deleted>"},
		{"nothing", "<Delete/>", true, "", "", ""},
	} {
		s := &removing{takes: c.takes, failed: map[string]*Failure{"a": {Code: "AccessDenied", Message: "Access Denied."}}}
		f := New(Options{Server: s})
		handled := ""
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/b?delete", strings.NewReader(c.body))
		w := httptest.NewRecorder()
		marking(replying(xmlBodies(f.deleting(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			handled = between(string(b), "<Quiet>true</Quiet>", "</Delete>")
			_, _ = w.Write([]byte("<DeleteResult/>"))
		}))))).ServeHTTP(w, r)
		if got := strings.Join(s.asked, " "); got != c.asked || handled != c.handled {
			t.Errorf("%s: asked %q, handled %q", c.name, got, handled)
		}
		if got := between(w.Body.String(), `xmlns="`+namespace+`">`, "</DeleteResult>"); got != c.want {
			t.Errorf("%s: got %q", c.name, w.Body)
		}
	}
}

func FuzzReword(f *testing.F) {
	r := httptest.NewRequestWithContext(f.Context(), http.MethodPost, "/b/k?uploadId=1", nil)
	f.Add("<Error><Code>InternalError</Code><Message>x: cause(EOF)</Message><Resource>/a&amp;b</Resource></Error>")
	f.Add("<Error><Code>XMinioBackendDown</Code><Message>&lt;&#34;</Message></Error>")
	f.Add("<Code><Message></Code></Message>")
	f.Fuzz(func(t *testing.T, body string) {
		var was, is struct{ Code, Message, Resource string }
		if xml.Unmarshal([]byte(body), &was) != nil {
			return
		}
		status, b := reword(r, 500, []byte(body))
		if status < 400 || !strings.HasPrefix(body, "<Error>") || strings.Count(body, "<") != 8 {
			return // not as the server writes it
		}
		if err := xml.Unmarshal(b, &is); err != nil || is.Resource != was.Resource {
			t.Errorf("got %s of %s: %v", b, body, err)
		}
	})
}

func TestErrorsAreReworded(t *testing.T) {
	t.Parallel()
	put := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/b?tagging", nil)
	get := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/b/k", nil)
	for _, c := range []struct {
		r             *http.Request
		status        int
		code, message string
		want          Failure
	}{
		{get, 403, "AccessDenied", "Access Denied.", Failure{403, "AccessDenied", "Access Denied"}},
		{get, 404, "NoSuchKey", "The specified key does not exist.", Failure{404, "NoSuchKey", "The specified key does not exist."}},
		{get, 500, "InternalError", "We encountered an internal error, please try again.: cause(secret &#34;x&#34;)", *internalError},
		{get, 500, "InternalError", "x: cause(EOF)", *internalError},
		{put, 500, "InternalError", "x: cause(EOF)", *malformed},
		{put, 500, "InternalError", "x: cause(expected element type &lt;A&gt; but have &lt;B&gt;)", *malformed},
		{put, 500, "InternalError", "x: cause(strconv.ParseInt: parsing &#34;x&#34;: invalid syntax)", *malformed},
		{put, 400, "MalformedXML", "The XML you provided was ... (XML syntax error on line 1)", *malformed},
		{put, 503, "XMinioServerNotInitialized", "Server not initialized, please try again.", Failure{503, "ServiceUnavailable", "Service is unable to handle request."}},
		{put, 400, "XMinioParentIsObject", "x", Failure{400, "XMinioParentIsObject", "x"}},
		{put, 400, "InvalidDigest", "The Content-Md5 you specified is not valid.", Failure{400, "InvalidDigest", "The Content-MD5 you specified is not valid."}},
		{put, 206, "XMinioObjectTampered", "x", *internalError},
	} {
		body := xmlHeader + "<Error><Code>" + c.code + "</Code><Message>" + c.message + "</Message><Key>a&amp;b</Key><Resource>/b</Resource></Error>"
		status, b := reword(c.r, c.status, []byte(body))
		var got struct{ Code, Message, Key, Resource string }
		if err := xml.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		if (Failure{status, got.Code, got.Message}) != c.want || got.Key != "a&b" || got.Resource != "/b" {
			t.Errorf("%s %s: got %d %+v", c.code, c.message, status, got)
		}
	}
	for _, odd := range []string{"", "<Error><Code>AccessDenied</Code></Error>", "not xml", "<Error><Code>AccessDenied</Code><Message>a"} {
		if status, b := reword(get, 403, []byte(odd)); status != 403 || string(b) != odd {
			t.Errorf("%q: got %q", odd, b)
		}
	}
}

func TestBucketsAreCut(t *testing.T) {
	t.Parallel()
	said := `<?xml version="1.0"?><ListAllMyBucketsResult xmlns="` + namespace + `"><Owner><ID>1</ID></Owner><Buckets>`
	for _, name := range []string{"aa", "ab", "ac", "b"} {
		said += "<Bucket><Name>" + name + "</Name><CreationDate>2026-01-01T00:00:00.000Z</CreationDate></Bucket>"
	}
	said += "</Buckets></ListAllMyBucketsResult>"
	for query, want := range map[string]string{
		"prefix=a":                             "aa ab ac",
		"max-buckets=2":                        "aa ab >YWI",
		"max-buckets=2&continuation-token=YWI": "ac b",
		"max-buckets=1&prefix=b":               "b",
		"bucket-region=us-east-1":              "aa ab ac b",
		"bucket-region=eu-north-1":             "",
		"prefix=zz":                            "",
	} {
		q, failed := bucketsAsked(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?"+query, nil))
		if failed != nil {
			t.Fatal(failed)
		}
		b, failed := q.page([]byte(said), "us-east-1")
		if failed != nil {
			t.Fatal(failed)
		}
		var page struct {
			Buckets           struct{ Bucket []struct{ Name string } }
			ContinuationToken string
		}
		if err := xml.Unmarshal(b, &page); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, b := range page.Buckets.Bucket {
			names = append(names, b.Name)
		}
		if page.ContinuationToken != "" {
			names = append(names, ">"+page.ContinuationToken)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
	for _, query := range []string{"max-buckets=0", "max-buckets=10001", "max-buckets=x", "continuation-token=%25"} {
		if _, failed := bucketsAsked(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?"+query, nil)); failed == nil {
			t.Errorf("%s is taken", query)
		}
	}
	if q, failed := bucketsAsked(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?x-id=ListBuckets", nil)); q != nil || failed != nil {
		t.Errorf("got %v, %v for a query that asks for nothing", q, failed)
	}
}
