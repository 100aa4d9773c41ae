package s3

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"juicefs/pkg/object"
)

// Anonymous is the access key of requests that are not signed.
const Anonymous = "anonymous"

// Options say who uses a bucket and how. The zero value takes credentials from where AWS programs look for them.
type Options struct {
	// AccessKey and SecretKey sign requests, with SessionToken where the keys are temporary. Without them the credentials are
	// those of the environment (AWS_ACCESS_KEY_ID, ...), of ~/.aws/credentials, or of the machine's role. The access key
	// Anonymous signs nothing.
	AccessKey, SecretKey, SessionToken string
	// StorageClass is that of new objects. Empty: the store's default.
	StorageClass string
	// Getenv looks variables of the environment up. nil: there are none. The credentials of AWS programs and proxies
	// (http_proxy, https_proxy, no_proxy) are taken from the process's own environment in any case.
	Getenv func(string) string
	// Dial makes connections. nil: a net.Dialer that gives up after 10 s.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

func (o Options) normalize() Options {
	if o.Getenv == nil {
		o.Getenv = func(string) string { return "" }
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	}
	return o
}

// String hides the keys.
func (Options) String() string { return "s3.Options{...}" }

// GoString hides the keys.
func (o Options) GoString() string { return o.String() }

// Open names a bucket on S3 or a compatible store; the forms of text are those of parse. Nothing is sent before the first
// use. Options at the end of the text, as in "?tls-insecure-skip-verify=true": tls-insecure-skip-verify, ca-certs, ssl-cert
// and ssl-key (files) are about TLS, disable-checksum leaves the CRC-32C out, disable-100-continue sends what is large
// without asking first.
func Open(text string, o Options) (*Bucket, error) {
	o = o.normalize()
	a, err := parse(text, o.Getenv)
	if err != nil {
		return nil, fmt.Errorf("s3 storage: %w", err)
	}
	return open("s3", a, o)
}

// OpenMinIO names a bucket on a MinIO server, as Open does. The keys may come from MINIO_ACCESS_KEY and MINIO_SECRET_KEY.
func OpenMinIO(text string, o Options) (*Bucket, error) {
	o = o.normalize()
	a, err := parseMinIO(text, o.Getenv)
	if err != nil {
		return nil, fmt.Errorf("minio storage: %w", err)
	}
	if o.AccessKey == "" {
		o.AccessKey = o.Getenv("MINIO_ACCESS_KEY")
	}
	if o.SecretKey == "" {
		o.SecretKey = o.Getenv("MINIO_SECRET_KEY")
	}
	return open("minio", a, o)
}

func open(kind string, a *address, o Options) (*Bucket, error) {
	config, err := tlsConfig(a.query)
	if err != nil {
		return nil, fmt.Errorf("%s storage: %w", kind, err)
	}
	b := &Bucket{
		kind: kind, at: a, renews: o.AccessKey == "", class: o.StorageClass, region: a.region, fallback: environmentRegion(o.Getenv),
		checksum: !on(a.query.Get("disable-checksum")), ask: !on(a.query.Get("disable-100-continue")),
		http: &http.Client{
			// Another place would need another signature. What the store says of it is in the error.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, DialContext: o.Dial, TLSClientConfig: config,
				TLSHandshakeTimeout: 20 * time.Second, ResponseHeaderTimeout: 30 * time.Second, ExpectContinueTimeout: time.Second,
				IdleConnTimeout: 5 * time.Minute, MaxIdleConnsPerHost: 500, DisableCompression: true,
				ReadBufferSize: bufferSize, WriteBufferSize: bufferSize,
			},
		},
	}
	switch {
	case o.AccessKey == Anonymous:
	case (o.AccessKey == "") != (o.SecretKey == ""):
		return nil, fmt.Errorf("%s storage: one of access key and secret key is missing", kind)
	case o.AccessKey != "":
		b.creds, b.hide = credentials.NewStaticV4(o.AccessKey, o.SecretKey, o.SessionToken), []string{o.SecretKey, o.SessionToken}
	default:
		b.creds = credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{Client: roleClient()},
		})
	}
	return b, nil
}

const (
	bufferSize  = 64 << 10        // bytes, of a connection in each direction
	roleTimeout = 5 * time.Second // for the answer of the machine's own metadata service
)

var errNoCredentials = errors.New("no credentials: neither keys nor the environment, ~/.aws/credentials or a role have any")

var (
	_ object.Bucket      = (*Bucket)(nil)
	_ object.Creator     = (*Bucket)(nil)
	_ object.RangeReader = (*Bucket)(nil)
	_ object.Judge       = (*Bucket)(nil)
)
