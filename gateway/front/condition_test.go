package front

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestReadConditions(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 5, 6, 7, 8, 9, 500, time.UTC) // shown without the fraction
	same, before, after := at.Format(http.TimeFormat), at.Add(-time.Hour).Format(http.TimeFormat), at.Add(time.Hour).Format(http.TimeFormat)
	const source = sourcePrefix
	for _, c := range []struct {
		name    string
		headers []string
		want    int // 200: goes on
	}{
		{"the one", []string{"If-Match", `"a"`}, 200},
		{"the one, without quotes", []string{"If-Match", "a"}, 200},
		{"one of several", []string{"If-Match", `"b", "a"`}, 200},
		{"any", []string{"If-Match", "*"}, 200},
		{"another", []string{"If-Match", `"b"`}, 412},
		{"not the one", []string{"If-None-Match", `"b"`}, 200},
		{"not changed", []string{"If-None-Match", `"a"`}, 304},
		{"not changed, any", []string{"If-None-Match", "*"}, 304},
		{"not changed since", []string{"If-Modified-Since", same}, 304},
		{"changed since", []string{"If-Modified-Since", before}, 200},
		{"not changed since later", []string{"If-Modified-Since", after}, 304},
		{"unmodified", []string{"If-Unmodified-Since", same}, 200},
		{"modified", []string{"If-Unmodified-Since", before}, 412},
		{"time that is none", []string{"If-Unmodified-Since", "yesterday", "If-Modified-Since", "x"}, 200},
		{"a tag that holds wins over a time that does not", []string{"If-Match", `"a"`, "If-Unmodified-Since", before}, 200},
		{"a tag that does not hold wins over a time that does", []string{"If-Match", `"b"`, "If-Unmodified-Since", after}, 412},
		{"a new tag wins over an old time", []string{"If-None-Match", `"b"`, "If-Modified-Since", after}, 200},
		{"an old tag wins over a new time", []string{"If-None-Match", `"a"`, "If-Modified-Since", before}, 304},
		{"failure comes before no change", []string{"If-Match", `"b"`, "If-None-Match", `"a"`}, 412},
		{"failure by time comes before no change", []string{"If-Unmodified-Since", before, "If-Modified-Since", after}, 412},
		{"the same, then no change", []string{"If-Match", `"a"`, "If-Modified-Since", same}, 304},
		{"source: the one", []string{source + "If-Match", `"a"`, source + "If-Unmodified-Since", before}, 200},
		{"source: another", []string{source + "If-Match", `"b"`}, 412},
		{"source: not changed", []string{source + "If-None-Match", `"a"`, source + "If-Modified-Since", before}, 412},
		{"source: not changed since", []string{source + "If-Modified-Since", after}, 412},
	} {
		method, ranOn := http.MethodGet, false
		if strings.HasPrefix(c.headers[0], source) {
			method = http.MethodPut
		}
		r := httptest.NewRequestWithContext(t.Context(), method, "/b/k", nil)
		for k := 0; k < len(c.headers); k += 2 {
			r.Header.Set(c.headers[k], c.headers[k+1])
		}
		if method == http.MethodPut {
			r.Header.Set("X-Amz-Copy-Source", "b/k")
		}
		w := httptest.NewRecorder()
		marking(replying(conditional(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			err := CheckRead(r.Context(), "a", at)
			ranOn = err == nil
			for _, name := range readConditions {
				if ranOn && r.Header.Get(name)+r.Header.Get(source+name) != "" {
					t.Errorf("%s: the handler sees %s", c.name, name)
				}
			}
			w.Header().Set("Content-Length", "5")
			if ranOn || method == http.MethodHead {
				w.WriteHeader(http.StatusOK)
			}
		})))).ServeHTTP(w, r)
		if w.Code != c.want || ranOn != (c.want == 200) {
			t.Errorf("%s: got %d, went on %v, want %d", c.name, w.Code, ranOn, c.want)
		}
		if c.want != 200 && (w.Header().Get("ETag") != `"a"` || w.Header().Get("Last-Modified") != same) {
			t.Errorf("%s: got %v", c.name, w.Header())
		}
		if got := between(w.Body.String(), "<Code>", "</Code>"); c.want == 412 && got != "PreconditionFailed" || c.want == 304 && w.Body.Len() > 0 {
			t.Errorf("%s: body %q", c.name, w.Body)
		}
	}
	if err := CheckRead(t.Context(), "a", at); err != nil {
		t.Errorf("no request: %v", err)
	}
}

func TestWriteConditions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		request string
		headers []string
		want    Condition
		code    int
	}{
		{"PUT /b/k", []string{"If-None-Match", "*"}, Condition{IfNoneMatch: "*"}, 200},
		{"PUT /b/k?x-id=PutObject", []string{"If-Match", `"a"`}, Condition{IfMatch: `"a"`}, 200},
		{"PUT /b/k", []string{"If-None-Match", `"a"`}, Condition{}, 501},
		{"PUT /b/k", []string{"If-None-Match", "*", "If-Match", `"a"`}, Condition{}, 501},
		{"PUT /b/k", []string{"If-Unmodified-Since", "x"}, Condition{}, 501},
		{"PUT /b/k", []string{"If-Match", `"a"`, "X-Amz-Copy-Source", "b/x", sourcePrefix + "If-Match", "b"}, Condition{IfMatch: `"a"`}, 200},
		{"POST /b/k?uploadId=x", []string{"If-None-Match", "*"}, Condition{IfNoneMatch: "*"}, 200},
		{"POST /b/k?uploads", []string{"If-None-Match", "*"}, Condition{}, 200},
		{"PUT /b/k?uploadId=x&partNumber=1", []string{"If-None-Match", "*"}, Condition{}, 200},
		{"DELETE /b/k", []string{"If-Match", `"a"`}, Condition{IfMatch: `"a"`}, 200},
		{"DELETE /b/k", []string{"If-None-Match", "*"}, Condition{}, 501},
		{"DELETE /b/k?tagging", []string{"If-Match", `"a"`}, Condition{}, 200},
		{"PUT /b", []string{"If-Match", `"a"`}, Condition{}, 200},
		{"GET /b/k", []string{"If-Match", `"a"`}, Condition{}, 200},
		{"GET /b/k", nil, Condition{}, 200},
	} {
		method, target, _ := strings.Cut(c.request, " ")
		r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
		for k := 0; k < len(c.headers); k += 2 {
			r.Header.Set(c.headers[k], c.headers[k+1])
		}
		w := httptest.NewRecorder()
		var got Condition
		marking(replying(conditional(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = ConditionOf(r.Context()) })))).ServeHTTP(w, r)
		if got != c.want || w.Code != c.code {
			t.Errorf("%s %v: got %d %+v, want %d %+v", c.request, c.headers, w.Code, got, c.code, c.want)
		}
	}
}

func TestTagsThatDecide(t *testing.T) {
	t.Parallel()
	for c, want := range map[Condition]bool{{}: false, {IfMatch: "*"}: false, {IfNoneMatch: "*"}: false, {IfMatch: "a"}: true, {IfNoneMatch: "a"}: true} {
		if got := c.NeedsTag(); got != want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}

func TestEntryConditions(t *testing.T) {
	t.Parallel()
	q := &Request{deletes: &deletes{conditions: map[string]Condition{"k": {IfMatch: "a"}}}}
	ctx := With(t.Context(), q)
	if got := EntryCondition(ctx, "k"); got.IfMatch != "a" {
		t.Errorf("got %+v", got)
	}
	if got := EntryCondition(ctx, "other"); got != (Condition{}) {
		t.Errorf("got %+v", got)
	}
	if err := EntryCondition(ctx, "k").Check(false, ""); !errors.Is(err, ErrAbsent) {
		t.Errorf("got %v", err)
	}
}
