package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// proxy NAME ADDRESS starts an HTTP proxy that takes every request to ADDRESS, whatever host it is for, and sets NAME to its URL.
func proxy(ts *testscript.TestScript, _ bool, args []string) {
	p := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", args[1], r.In.Host
	}}
	srv := httptest.NewServer(p)
	ts.Defer(srv.Close)
	ts.Setenv(args[0], srv.URL)
}

// badStore NAME FILE starts an S3 store that is of no use and sets NAME to its address. In its bucket "busy" objects cannot be put,
// in "slow-put" that takes for ever, in "slow-get" reading does. A line for each attempt goes to FILE, with the storage class.
func badStore(ts *testscript.TestScript, _ bool, args []string) {
	file, err := os.Create(ts.MkAbs(args[1]))
	ts.Check(err)
	var mu sync.Mutex
	end := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			return // the buckets are there
		}
		bucket, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		mu.Lock()
		_, err := fmt.Fprintln(file, r.Method, bucket, cmp.Or(r.Header.Get("X-Amz-Storage-Class"), "STANDARD"))
		mu.Unlock()
		switch attempt := r.Method + " " + bucket; {
		case err != nil, attempt == "PUT busy":
			w.WriteHeader(http.StatusServiceUnavailable)
		case attempt == "PUT slow-put", attempt == "GET slow-get":
			select {
			case <-r.Context().Done():
			case <-end:
			}
		}
	}))
	ts.Defer(func() {
		close(end)
		srv.Close()
		_ = file.Close() // nobody reads it any more
	})
	ts.Setenv(args[0], srv.Listener.Addr().String())
}

// held FOLDER TEXT waits until a file below a folder holds a text; with ! until there is none.
func held(ts *testscript.TestScript, neg bool, args []string) {
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		found := false
		ts.Check(filepath.WalkDir(args[0], func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || found {
				return skipGone(err)
			}
			b, err := os.ReadFile(path)
			found = bytes.Contains(b, []byte(args[1]))
			return skipGone(err)
		}))
		switch {
		case found != neg:
			return
		case time.Now().After(deadline):
			ts.Fatalf("%q below %s: %v", args[1], args[0], found)
		}
	}
}

// skipGone forgives that a file went away.
func skipGone(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}
