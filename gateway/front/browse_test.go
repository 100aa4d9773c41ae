package front

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCallsAreReadInOneWay(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"id":1,"jsonrpc":"2.0","method":"web.Login","params":{"username":"u","n":12345678901234567890}}`: `{"id":1,"jsonrpc":"2.0","method":"web.Login","params":{"n":12345678901234567890,"username":"u"}}`,
		` {"Method":"a.b","params":[{"x":[1]}]} `:                                                          `{"method":"a.b","params":{"x":[1]}}`,
		`{"method":"a.b"}`:                          `{"method":"a.b"}`,
		`{"method":"a.b","method":"c.d"}`:           `{"method":"c.d"}`,
		`{"method":"a.b","METHOD":"c.d"}`:           "",
		`{"method":"a.b","params":{"x":1,"X":2}}`:   "",
		`{"method":"a.b"}x`:                         "",
		`{"method":"a.b"}{"method":"c.d"}`:          "",
		`{"method":"a.b","params":[{},{}]}`:         "",
		`{"method":"a.b","params":["x"]}`:           "",
		`{"method":"a.b","params":"x"}`:             "",
		`{"method":"a.b","params":{"u\u017fer":1}}`: "",
		`[]`:   "",
		`null`: "",
		``:     "",
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/minio/webrpc", strings.NewReader(body))
		c, fail := readCall(r)
		if fail != nil {
			if want != "" {
				t.Errorf("%s: %s", body, fail.Message)
			}
			continue
		}
		if b, err := io.ReadAll(r.Body); err != nil || string(b) != want || r.ContentLength != int64(len(b)) || c.method == "" {
			t.Errorf("%s: got %s, %v, want %s", body, b, err, want)
		}
	}
}

// forest is a bucket with keys, of which secret ones are nobody's.
type forest []string

func (forest) Holder(_ *http.Request, token string) (Holder, bool) {
	return Holder{Root: token == "root", May: func(_, bucket, key string) bool { return bucket == "b" && !strings.Contains(key, "secret") }}, token != "bad"
}

func (k forest) EachKey(_ context.Context, _, prefix string, f func(string) bool) error {
	for _, key := range k {
		if strings.HasPrefix(key, prefix) && !f(key) {
			return nil
		}
	}
	return nil
}

func TestFoldersAreWhatIsInThem(t *testing.T) {
	t.Parallel()
	f := New(Options{Web: forest{"open/a", "mixed/a", "mixed/secret"}})
	for _, c := range []struct {
		path, token, body string
		want              int
	}{
		{"/minio/webrpc", "user", `{"method":"web.RemoveObject","params":{"bucketname":"b","objects":["open/","mixed/a"]}}`, http.StatusOK},
		{"/minio/webrpc", "user", `{"method":"web.RemoveObject","params":{"bucketname":"b","objects":["mixed/"]}}`, http.StatusForbidden},
		{"/minio/webrpc", "user", `{"method":"Web.RemoveObject","params":[{"BucketName":"b","Objects":[""]}]}`, http.StatusForbidden},
		{"/minio/webrpc", "root", `{"method":"web.RemoveObject","params":{"bucketname":"b","objects":["mixed/"]}}`, http.StatusOK},
		{"/minio/webrpc", "user", `{"method":"web.ListObjects","params":{"bucketName":"b","prefix":"mixed/"}}`, http.StatusOK},
		{"/minio/webrpc", "user", `x`, http.StatusBadRequest},
		{"/minio/zip", "user", `{"bucketname":"b","prefix":"","objects":["open/","mixed/secret"]}`, http.StatusOK}, // the handler asks for the file
		{"/minio/zip", "user", `{"bucketname":"b","prefix":"","objects":["mixed/"]}`, http.StatusForbidden},
		{"/minio/zip", "user", `{"bucketname":"b","prefix":"x/../mixed","objects":["./"]}`, http.StatusForbidden},
		{"/minio/zip", "user", `{"bucketname":"b","prefix":"","objects":["open/"],"Objects":["mixed/"]}`, http.StatusBadRequest},
		{"/minio/zip", "user", `{"bucketname":"b","prefix":"","objects":["open/"]}{}`, http.StatusBadRequest},
		{"/minio/zip", "root", `{"bucketname":"b","prefix":"","objects":["mixed/"]}`, http.StatusOK},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, c.path+"?token="+c.token, strings.NewReader(c.body))
		r.Header.Set("Authorization", "Bearer "+c.token)
		w := httptest.NewRecorder()
		replying(f.browsing(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))).ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s %s of %s: got %d, want %d", c.path, c.body, c.token, w.Code, c.want)
		}
	}
}

// FuzzCall: what is read of a call is what the server reads of the body that is left, and no name is there twice in it.
func FuzzCall(f *testing.F) {
	f.Add([]byte(`{"id":1,"jsonrpc":"2.0","method":"web.Login","params":{"username":"u","n":12345678901234567890}}`))
	f.Add([]byte(`{"Method":"a.b","params":[{"x":[1],"X":null}]} `))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/minio/webrpc", bytes.NewReader(body))
		c, fail := readCall(r)
		if fail != nil {
			return
		}
		var got struct {
			Method string
			Params map[string]json.RawMessage
		}
		left, err := io.ReadAll(r.Body)
		if err != nil || r.ContentLength != int64(len(left)) {
			t.Fatalf("%d bytes, %v", r.ContentLength, err)
		}
		if err := json.Unmarshal(left, &got); err != nil && c.method != "" {
			t.Fatalf("%q became %q: %v", body, left, err)
		}
		if got.Method != c.method || len(got.Params) != len(c.args) {
			t.Errorf("%q is %+v here and %+v there", body, c, got)
		}
	})
}
