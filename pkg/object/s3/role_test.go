package s3

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

// to sends requests to a server of the test, whomever they are for.
type to struct{ addr string }

func (d to) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Host = d.addr
	return http.DefaultTransport.RoundTrip(r)
}

// Keys of a machine's role are to be had where it wants a token for each question, and where it knows of none.
func TestKeysOfAMachine(t *testing.T) {
	for _, name := range []string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		t.Setenv(name, "")
	}
	for _, c := range []struct {
		name   string
		tokens bool // are given, and wanted
	}{{"tokens", true}, {"no tokens", false}} {
		t.Run(c.name, func(t *testing.T) {
			var asked []string
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = append(asked, r.Method+" "+r.URL.Path)
				given := r.Header.Get("X-Aws-Ec2-Metadata-Token")
				switch {
				case r.URL.Path == "/latest/api/token" && c.tokens && r.Method == http.MethodPut && r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds") != "":
					_, _ = fmt.Fprint(w, "token1") // to ourselves, as below
				case r.URL.Path == "/latest/api/token":
					w.WriteHeader(http.StatusNotFound)
				case c.tokens && given != "token1", !c.tokens && given != "":
					w.WriteHeader(http.StatusUnauthorized)
				case strings.HasSuffix(r.URL.Path, "/security-credentials/volumes"):
					_, _ = fmt.Fprintf(w, `{"Code": "Success", "AccessKeyId": "ak", "SecretAccessKey": "sk", "Token": "st", "Expiration": %q}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
				default:
					_, _ = fmt.Fprint(w, "volumes\n")
				}
			}))
			t.Cleanup(srv.Close)
			tr := &roleTransport{machine: to{srv.Listener.Addr().String()}, others: to{"127.0.0.1:1"}}
			keys, err := credentials.New(&credentials.IAM{Client: &http.Client{Transport: tr}}).Get()
			if err != nil || keys.AccessKeyID != "ak" || keys.SecretAccessKey != "sk" || keys.SessionToken != "st" {
				t.Errorf("got %+v, %v, asked for %q", keys, err, asked)
			}
			if len(asked) != 4 {
				t.Errorf("asked for %q, want a token before each of two questions", asked)
			}
		})
	}
}
