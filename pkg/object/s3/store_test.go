package s3_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"juicefs/pkg/object"
	"juicefs/pkg/object/s3"
)

// other answers as stores do that our own server is unlike. It notes what it was sent.
type other struct {
	mu   sync.Mutex
	sent []string
	http.HandlerFunc
}

func (o *other) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // what there is of it
	region := "unsigned"
	if _, after, ok := strings.Cut(r.Header.Get("Authorization"), "Credential=key/"); ok {
		region = strings.Split(after, "/")[1]
	}
	o.mu.Lock()
	o.sent = append(o.sent, strings.TrimSpace(fmt.Sprintf("%s %s%s %s %s %s", r.Method, r.Host, r.URL, region, r.Header.Get("X-Amz-Storage-Class"), body)))
	o.mu.Unlock()
	o.HandlerFunc(w, r)
}

func (o *other) want(t *testing.T, lines ...string) {
	t.Helper()
	if got, want := strings.Join(o.sent, "\n"), strings.Join(lines, "\n"); got != want {
		t.Errorf("the store was sent\n%s\nwant\n%s", got, want)
	}
	o.sent = nil
}

func (o *other) open(t *testing.T, text string) *s3.Bucket {
	t.Helper()
	srv := httptest.NewTLSServer(o)
	t.Cleanup(srv.Close)
	sep := "?"
	if strings.Contains(text, "?") {
		sep = "&"
	}
	return must[*s3.Bucket](t)(s3.Open(text+sep+"tls-insecure-skip-verify=true", s3.Options{
		AccessKey: "key", SecretKey: "secret", StorageClass: "COLD",
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, srv.Listener.Addr().String())
		},
	}))
}

func TestRegionIsAskedForOnce(t *testing.T) {
	o := &other{HandlerFunc: func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amz-Bucket-Region", "eu-west-1")
		if r.Header.Get("Authorization") == "" {
			w.WriteHeader(http.StatusForbidden)
		}
	}}
	b := o.open(t, "blobs")
	for range 2 {
		if err := b.Put(t.Context(), "key", object.Bytes([]byte("x"))); err != nil {
			t.Fatal(err)
		}
	}
	o.want(t, "HEAD blobs.s3.us-east-1.amazonaws.com/ unsigned",
		"PUT blobs.s3.eu-west-1.amazonaws.com/key eu-west-1 COLD x", "PUT blobs.s3.eu-west-1.amazonaws.com/key eu-west-1 COLD x")
}

func TestBucketIsMadeInItsRegion(t *testing.T) {
	made := false
	o := &other{HandlerFunc: func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodHead && !made:
			w.WriteHeader(http.StatusNotFound)
		case r.Method == http.MethodPut && r.URL.Path == "/":
			made = true
		}
	}}
	b := o.open(t, "https://blobs.s3.eu-west-1.amazonaws.com")
	for range 2 {
		if err := b.Create(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	o.want(t, "HEAD blobs.s3.eu-west-1.amazonaws.com/ eu-west-1",
		`PUT blobs.s3.eu-west-1.amazonaws.com/ eu-west-1  <CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`+
			`<LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>`,
		"HEAD blobs.s3.eu-west-1.amazonaws.com/ eu-west-1")
}

func TestStoreWithoutRanges(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 1000)
	o := &other{HandlerFunc: func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(data) // to a client that may have had enough
	}}
	b := o.open(t, "https://store.example/blobs")
	for _, r := range []struct{ off, n int }{{0, 10}, {15, 10}, {9995, 10}, {20000, 5}, {9990, -1}} {
		from := min(r.off, len(data))
		want := data[from:]
		if r.n >= 0 {
			want = want[:min(r.n, len(want))]
		}
		body, err := b.Get(t.Context(), "key", int64(r.off), int64(r.n))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(body)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("get %+v: got %d bytes, %v, want %d", r, len(got), err, len(want))
		}
		_ = body.Close() // only read
		p := make([]byte, max(r.n, 0))
		if n, err := b.ReadRange(t.Context(), "key", p, int64(r.off)); r.n >= 0 && (err != nil || !bytes.Equal(p[:n], want)) {
			t.Errorf("read %+v: got %d bytes, %v", r, n, err)
		}
	}
}

// A store that answers with what it was not asked for is not believed.
func TestWrongAnswers(t *testing.T) {
	listing := func(more string, keys ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			text := "<ListBucketResult>" + more
			for _, k := range keys {
				text += "<Contents><Key>" + k + "</Key></Contents>"
			}
			_, _ = io.WriteString(w, text+"</ListBucketResult>") // to a test's own client
		}
	}
	for name, answer := range map[string]http.HandlerFunc{
		"another prefix":    listing("", "a/1", "b/1"),
		"wrong order":       listing("", "a/2", "a/1"),
		"before the marker": listing("", "a/0"),
		"no token":          listing("<IsTruncated>true</IsTruncated>", "a/1"),
		"bad escape":        listing("<EncodingType>url</EncodingType>", "a/%zz"),
		"not XML":           func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "OK") },
		"html": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "<html>\n<body>proxy</body>", http.StatusBadGateway)
		},
	} {
		b := (&other{HandlerFunc: answer}).open(t, "https://store.example/blobs")
		infos, err := b.List(t.Context(), "a/", "a/0", 10)
		if err == nil || strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("%s: got %v, %v", name, infos, err)
		}
	}
	b := (&other{HandlerFunc: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Range", "bytes 0-9/100")
		w.WriteHeader(http.StatusPartialContent)
	}}).open(t, "https://store.example/blobs")
	if _, err := b.ReadRange(t.Context(), "key", make([]byte, 10), 50); err == nil {
		t.Error("bytes of another range were taken")
	}
}
