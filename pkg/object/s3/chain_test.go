package s3_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"juicefs/pkg/object"
	"juicefs/pkg/object/s3"
	"juicefs/pkg/tests/oracle"
)

// noKeys takes away what the environment of the tests may have.
func noKeys(t *testing.T) {
	t.Helper()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
}

// role is the service that tells a machine the keys of its role; each time others, which are good for a second request.
func role(t *testing.T, key, secret func(n int64) string) *atomic.Int64 {
	t.Helper()
	var asked atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := asked.Add(1)
		_, _ = fmt.Fprintf(w, `{"AccessKeyId": %q, "SecretAccessKey": %q, "Token": "", "Expiration": %q}`, key(n), secret(n), time.Now().Add(time.Hour).UTC().Format(time.RFC3339)) // to ourselves
	}))
	t.Cleanup(srv.Close)
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", srv.URL+"/role")
	return &asked
}

func always(text string) func(int64) string { return func(int64) string { return text } }

// Without keys of a volume's own they are those that other programs find.
func TestKeysOfTheMachine(t *testing.T) {
	g := serve(t, nil)
	_, name, _ := newBucket(t, g)
	works := func(t *testing.T) {
		t.Helper()
		b := must[*s3.Bucket](t)(s3.Open(g.URL()+"/"+name, s3.Options{}))
		if err := b.Put(t.Context(), "key", object.Bytes([]byte("x"))); err != nil {
			t.Error(err)
		}
	}
	t.Run("file", func(t *testing.T) {
		noKeys(t)
		file := filepath.Join(t.TempDir(), "credentials")
		text := "[default]\naws_access_key_id = nobody\naws_secret_access_key = nothing\n[volumes]\naws_access_key_id = " + oracle.User + "\naws_secret_access_key = " + oracle.Password + "\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
		t.Setenv("AWS_PROFILE", "volumes")
		works(t)
	})
	t.Run("role", func(t *testing.T) {
		noKeys(t)
		asked := role(t, always(oracle.User), always(oracle.Password))
		works(t)
		if n := asked.Load(); n != 1 {
			t.Errorf("the role was asked for %d times", n)
		}
	})
}

// Keys that have expired before their time are asked for again, at the next try.
func TestKeysOfARoleAreRenewed(t *testing.T) {
	noKeys(t)
	asked := role(t, func(n int64) string { return fmt.Sprint("key", n) }, always("secret"))
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Authorization"), "Credential=key1/") {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprint(w, "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>") // to ourselves
		}
	}))
	t.Cleanup(store.Close)
	b := must[*s3.Bucket](t)(s3.Open(store.URL+"/blobs", s3.Options{}))
	if err := b.Put(t.Context(), "key", object.Bytes([]byte("x"))); err == nil || b.Final(err) || !strings.Contains(err.Error(), "ExpiredToken") {
		t.Errorf("with expired keys: %v, want an error that may pass", err)
	}
	for range 2 {
		if err := b.Put(t.Context(), "key", object.Bytes([]byte("x"))); err != nil {
			t.Error(err)
		}
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("the role was asked for %d times, want 2", n)
	}
}
