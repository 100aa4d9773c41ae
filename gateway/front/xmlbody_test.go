package front

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestXMLBodies(t *testing.T) {
	t.Parallel()
	many := func(n int) string { return strings.Repeat("<Object><Key>k</Key></Object>", n) }
	for _, c := range []struct {
		request, body string
		want          string // code; empty: passes unchanged
	}{
		{"POST /b?delete", "<Delete><Object><Key>k</Key></Object></Delete>", ""},
		{"POST /b?delete", `<?xml version="1.0" encoding="UTF-8"?><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet><Object><Key>k</Key><ETag>"a"</ETag><VersionId>null</VersionId></Object></Delete>`, ""},
		{"POST /b?delete", "<Delete>" + many(1000) + "</Delete>", ""},
		{"POST /b?delete", "<Delete>" + many(1001) + "</Delete>", "MalformedXML"},
		{"POST /b?delete", "<Delete></Delete>", "MalformedXML"},
		{"POST /b?delete", "<Delete><Object></Object></Delete>", "MalformedXML"},
		{"POST /b?delete", "<Delete><Object><Key></Key></Object></Delete>", "MalformedXML"},
		{"POST /b?delete", "<Delete><Quiet>maybe</Quiet><Object><Key>k</Key></Object></Delete>", "MalformedXML"},
		{"POST /b?delete", "<Delete><Object><Key>k</Key><Size>1</Size></Object></Delete>", "NotImplemented"},
		{"POST /b?delete", "<Delete><Object><Key>/k</Key><ETag>a</ETag></Object></Delete>", "NotImplemented"},
		{"POST /b?delete", "<Delete><Object><Key>k</Key><ETag>a</ETag></Object><Object><Key>k</Key></Object></Delete>", "MalformedXML"},
		{"POST /b?delete", "<Delete><Object><Key>k</Key></Object>", "MalformedXML"},
		{"POST /b?delete", "<Remove><Object><Key>k</Key></Object></Remove>", "MalformedXML"},
		{"POST /b?delete", "", "MalformedXML"},
		{"POST /b?delete", "not XML", "MalformedXML"},
		{"POST /b?delete", "<Delete>" + strings.Repeat(" ", maxXML) + "<Object><Key>k</Key></Object></Delete>", "MalformedXML"},
		{"POST /b/k?uploadId=x", "<CompleteMultipartUpload><Part><ETag>a</ETag><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>", ""},
		{"POST /b/k?uploadId=x", "<CompleteMultipartUpload></CompleteMultipartUpload>", "MalformedXML"},
		{"POST /b/k?uploadId=x", "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>", "MalformedXML"},
		{"POST /b/k?uploadId=x", "<CompleteMultipartUpload><Part><ETag>a</ETag><PartNumber>x</PartNumber></Part></CompleteMultipartUpload>", "MalformedXML"},
		{"POST /b/k?uploadId=x", "<CompleteMultipartUpload><Part><ETag>a</ETag><PartNumber>0</PartNumber></Part></CompleteMultipartUpload>", "InvalidArgument"},
		{"POST /b/k?uploadId=x", "{}", "MalformedXML"},
		{"PUT /b/k?tagging", "<Tagging><TagSet><Tag><Key>a</Key><Value></Value></Tag></TagSet></Tagging>", ""},
		{"PUT /b/k?tagging", "<Tagging><TagSet></TagSet></Tagging>", ""},
		{"PUT /b/k?tagging", "<Tagging></Tagging>", "MalformedXML"},
		{"PUT /b/k?tagging", "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>", "MalformedXML"},
		{"PUT /b?tagging", "<Tagging><TagSet>", "MalformedXML"},
		{"PUT /b/k", "<Tagging>", ""},
		{"POST /b", "<Delete>", ""},
		{"PUT /b/k?uploadId=x&partNumber=1", "<CompleteMultipartUpload>", ""},
	} {
		method, target, _ := strings.Cut(c.request, " ")
		r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(c.body))
		w := httptest.NewRecorder()
		got := ""
		marking(replying(xmlBodies(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			if got = string(b); err != nil {
				http.Error(w, "EOF", http.StatusInternalServerError)
			}
		})))).ServeHTTP(w, r)
		short := c.body[:min(len(c.body), 90)]
		if code := between(w.Body.String(), "<Code>", "</Code>"); code != c.want || c.want == "" && (got != c.body || w.Code != 200) {
			t.Errorf("%s %s: got %d %q, want %q", c.request, short, w.Code, code, c.want)
		}
	}
}

func TestXMLBodyThatCannotBeRead(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/b?delete", io.MultiReader(strings.NewReader("<Del"), &failingReader{broken}))
	w := httptest.NewRecorder()
	marking(replying(xmlBodies(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range 2 {
			if _, err := io.ReadAll(r.Body); !errors.Is(err, broken) {
				t.Errorf("got %v", err)
			}
		}
		http.Error(w, "mine", http.StatusBadRequest)
	})))).ServeHTTP(w, r)
	if got := w.Body.String(); got != "mine\n" {
		t.Errorf("the handler's reply is replaced: %q", got)
	}
}

type failingReader struct{ err error }

func (f *failingReader) Read([]byte) (int, error) { return 0, f.err }

// FuzzXMLBodies: what passes the check of a body means one thing.
func FuzzXMLBodies(f *testing.F) {
	f.Add([]byte("<Delete><Object><Key>k</Key><ETag>a</ETag></Object></Delete>"))
	f.Add([]byte("<CompleteMultipartUpload><Part><ETag>a</ETag><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>"))
	f.Add([]byte("<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"))
	f.Add([]byte("<!DOCTYPE x [<!ENTITY a \"b\">]><Delete><Object><Key>&a;</Key></Object></Delete>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		q := &Request{}
		if fail := checkDelete(q, b); fail == nil {
			if len(q.deletes.conditions) > maxDeletes {
				t.Errorf("%d conditions", len(q.deletes.conditions))
			}
			for key, c := range q.deletes.conditions {
				if key == "" || key[0] == '/' || c.IfMatch == "" || c.IfNoneMatch != "" {
					t.Errorf("entry %q %+v", key, c)
				}
			}
		} else if q.deletes != nil || fail.Status < 400 {
			t.Errorf("%v with %+v", fail, q.deletes)
		}
		ok := 0
		for _, check := range []func(*Request, []byte) *Failure{checkDelete, checkComplete, checkTagging} {
			if check(&Request{}, b) == nil {
				ok++
			}
		}
		if ok > 1 {
			t.Errorf("a body passes as %d kinds", ok)
		}
	})
}
