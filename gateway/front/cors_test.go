package front

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const rulesText = "<CORSConfiguration><CORSRule><AllowedOrigin>https://*.example.com</AllowedOrigin><AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod>" +
	"<AllowedHeader>x-amz-*</AllowedHeader><AllowedHeader>Content-Type</AllowedHeader><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>30</MaxAgeSeconds></CORSRule>" +
	"<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"

func TestCORSRules(t *testing.T) {
	t.Parallel()
	rules, failed := parseCORS([]byte(rulesText))
	if failed != nil {
		t.Fatal(failed)
	}
	for _, c := range []struct {
		name string
		ask  corsAsk
		want string // headers; empty: not allowed
	}{
		{"by a wildcard", corsAsk{"https://a.example.com", "PUT", []string{"x-amz-date", "content-type"}},
			"https://a.example.com true PUT, GET|x-amz-date, content-type|ETag|30"},
		{"a header that is not allowed", corsAsk{"https://a.example.com", "PUT", []string{"x-other"}}, ""},
		{"a header that is none", corsAsk{"https://a.example.com", "PUT", []string{"x-amz-a\r\nb"}}, ""},
		{"by the next rule", corsAsk{"http://a.example.com", "GET", nil}, "*  GET|||"},
		{"a method of another rule", corsAsk{"http://a.example.com", "PUT", nil}, ""},
		{"a method of no rule", corsAsk{"https://a.example.com", "DELETE", nil}, ""},
		{"an origin that is shorter than the pattern", corsAsk{"https://example.com", "PUT", nil}, ""},
	} {
		got := ""
		if rule, pattern := rules.find(&c.ask); rule != nil {
			h := http.Header{}
			rule.set(h, &c.ask, pattern)
			get := func(name string) string { return h.Get("Access-Control-" + name) }
			got = get("Allow-Origin") + " " + get("Allow-Credentials") + " " + get("Allow-Methods") + "|" + get("Allow-Headers") + "|" + get("Expose-Headers") + "|" + get("Max-Age")
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestCORSRulesAreChecked(t *testing.T) {
	t.Parallel()
	rule := func(inner string) string {
		return "<CORSConfiguration><CORSRule>" + inner + "</CORSRule></CORSConfiguration>"
	}
	const good = "<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>"
	for text, want := range map[string]string{
		rule(good): "",
		rule("<ID>" + strings.Repeat("x", 255) + "</ID>" + good):                                              "",
		"<CORSConfiguration>" + strings.Repeat("<CORSRule>"+good+"</CORSRule>", 100) + "</CORSConfiguration>": "",
		"<CORSConfiguration>" + strings.Repeat("<CORSRule>"+good+"</CORSRule>", 101) + "</CORSConfiguration>": "InvalidRequest",
		"<CORSConfiguration/>":                                     "MalformedXML",
		rule("<AllowedOrigin>*</AllowedOrigin>"):                   "MalformedXML",
		rule("<AllowedMethod>GET</AllowedMethod>"):                 "MalformedXML",
		rule(good + "<Other/>"):                                    "MalformedXML",
		rule(good + "<MaxAgeSeconds>-1</MaxAgeSeconds>"):           "MalformedXML",
		rule(good + "<MaxAgeSeconds>soon</MaxAgeSeconds>"):         "MalformedXML",
		rule("<ID>" + strings.Repeat("x", 256) + "</ID>" + good):   "MalformedXML",
		rule(good + "<AllowedMethod>PATCH</AllowedMethod>"):        "InvalidRequest",
		rule(good + "<AllowedMethod>get</AllowedMethod>"):          "InvalidRequest",
		rule(good + "<AllowedOrigin>http://*.a.*</AllowedOrigin>"): "InvalidRequest",
		rule(good + "<AllowedHeader>*-*</AllowedHeader>"):          "InvalidRequest",
		rule(good + "<ExposeHeader>x-*</ExposeHeader>"):            "InvalidRequest",
		rule(good + "<ExposeHeader>a b</ExposeHeader>"):            "InvalidRequest",
		"<Other/>": "MalformedXML",
		"":         "MalformedXML",
		strings.Replace(rule(good), "Configuration>", "Configuration>x", 1): "",
	} {
		_, failed := parseCORS([]byte(text))
		if got := ""; failed != nil {
			got = failed.Code
			if got != want {
				t.Errorf("%s: got %s, want %q", text, got, want)
			}
		} else if want != "" {
			t.Errorf("%s is taken, want %s", text, want)
		}
	}
}

func FuzzCORS(f *testing.F) {
	f.Add(rulesText, "https://a.example.com")
	f.Add("<CORSConfiguration xmlns=\""+namespace+"\"><CORSRule/></CORSConfiguration>", "")
	f.Fuzz(func(t *testing.T, text, origin string) {
		rules, failed := parseCORS([]byte(text))
		if failed != nil {
			return
		}
		rules.XMLName = xml.Name{Space: namespace, Local: "CORSConfiguration"}
		stored, err := xml.Marshal(rules)
		if err != nil {
			t.Fatal(err)
		}
		again, failed := parseCORS(stored)
		if failed != nil {
			t.Fatalf("what is stored cannot be read: %v: %s", failed, stored)
		}
		for _, method := range []string{http.MethodGet, http.MethodPut} {
			a := corsAsk{origin: origin, method: method, headers: []string{"x-a"}}
			one, _ := rules.find(&a)
			two, _ := again.find(&a)
			if (one == nil) != (two == nil) {
				t.Errorf("%q: what is stored allows something else: %s", origin, stored)
			}
		}
	})
}

// papers is a Store of documents.
type papers struct {
	Store
	text   map[string]string // by bucket
	looked int
	err    error
}

func (p *papers) Document(_ context.Context, bucket, _ string) ([]byte, error) {
	p.looked++
	if p.err != nil {
		return nil, p.err
	}
	if text, ok := p.text[bucket]; ok {
		return []byte(text), nil
	}
	return nil, nil
}

func TestCORSIsLookedUpOnceInAWhile(t *testing.T) {
	t.Parallel()
	now := time.Unix(1, 0)
	c := newCORSCache()
	c.now = func() time.Time { return now }
	p := &papers{text: map[string]string{"b": rulesText, "broken": "<"}}
	load := func(bucket string) *corsRules {
		rules, failed := c.rules(t.Context(), p, bucket)
		if failed != nil {
			t.Fatal(failed)
		}
		return rules
	}
	for range 5 {
		if load("b") == nil || load("none") != nil || load("broken") != nil {
			t.Fatal("other rules")
		}
	}
	if p.looked != 3 {
		t.Errorf("%d looks at three buckets", p.looked)
	}
	p.text["none"] = rulesText
	now = now.Add(corsFresh)
	if load("none") == nil {
		t.Error("rules of another gateway are not seen")
	}
	delete(p.text, "b")
	c.forget("b")
	if load("b") != nil {
		t.Error("removed rules are kept")
	}
	for k := range 2 * corsKept {
		load(fmt.Sprint(k))
	}
	if n := len(c.buckets); n > corsKept {
		t.Errorf("%d buckets are kept", n)
	}
	p.err = errors.New("gone")
	if _, failed := c.rules(t.Context(), p, "another"); failed == nil || failed.Status != http.StatusInternalServerError {
		t.Errorf("got %v", failed)
	}
}

func TestNothingIsDoneWithoutAnOrigin(t *testing.T) {
	f := New(Options{Store: &papers{}})
	h := f.crossOrigin(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/b/k", nil)
	if n := testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
