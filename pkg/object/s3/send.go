package s3

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/minio/minio-go/v7/pkg/signer"

	"juicefs/pkg/object"
)

// request is what goes to the store.
type request struct {
	method string
	key    string // empty: about the bucket
	query  url.Values
	header http.Header // belongs to the request from here on
	body   object.Body
}

const (
	unsignedBody = "UNSIGNED-PAYLOAD"
	emptyBody    = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // SHA-256 of nothing

	// Bodies from this size on wait for the store's word that it wants them.
	askFrom = 2 << 20
)

// send sends a request once and returns the store's answer, whose body the caller closes. A refusal is an *Error. The body of
// the request is not read any more when send returns.
func (b *Bucket) send(ctx context.Context, r *request) (*http.Response, error) {
	region, err := b.regionOf(ctx)
	if err != nil {
		return nil, err
	}
	host := b.at.host
	if host == "" {
		host = amazonEndpoint(region)
	}
	u, err := b.at.url(host, r.key, r.query)
	if err != nil {
		return nil, fmt.Errorf("URL of the request: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	if r.header != nil {
		req.Header = r.header
	}
	req.Header.Set("User-Agent", "juicefs")
	if req, err = b.sign(req, region, r.body.Size); err != nil {
		return nil, err
	}
	if r.body.Size > 0 {
		var opened bodies
		defer opened.close()
		req.ContentLength = r.body.Size
		req.GetBody = func() (io.ReadCloser, error) { return opened.open(r.body), nil }
		req.Body = opened.open(r.body)
		if b.ask && r.body.Size >= askFrom {
			req.Header.Set("Expect", "100-continue")
		}
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		refused := b.refusal(resp)
		if b.renews && refused.expired() {
			b.creds.Expire() // the next try has new ones
		}
		return nil, refused
	}
	return resp, nil
}

// sign signs a request, unless the store is used without a name.
func (b *Bucket) sign(req *http.Request, region string, size int64) (*http.Request, error) {
	if b.creds == nil {
		return req, nil
	}
	keys, err := b.creds.Get()
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	if keys.AccessKeyID == "" || keys.SecretAccessKey == "" {
		return nil, errNoCredentials
	}
	// The content is not part of the signature: the checksum and TLS are what protects it, as with the original.
	sum := emptyBody
	if size > 0 {
		sum = unsignedBody
	}
	req.Header.Set("X-Amz-Content-Sha256", sum)
	return signer.SignV4(*req, keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken, region), nil
}

// bodies are the readers of a request's body that the transport has: one, or more where it begins anew on another connection.
// It may read on after it has returned, the owner of the memory may not wait for that.
type bodies []*bodyReader

func (l *bodies) open(b object.Body) io.ReadCloser {
	r := &bodyReader{r: b.Reader()}
	*l = append(*l, r)
	return r
}

func (l *bodies) close() {
	for _, r := range *l {
		_ = r.Close() // never fails
	}
}

// bodyReader reads nothing after Close has returned.
type bodyReader struct {
	mu     sync.Mutex
	r      *io.SectionReader
	closed bool
}

// Read implements io.Reader.
func (r *bodyReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	return r.r.Read(p)
}

// Close implements io.Closer.
func (r *bodyReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return nil
}

// knownRegion is the region that requests are signed for, as far as it is known.
func (b *Bucket) knownRegion() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.region
}

// regionOf returns the region that requests are signed for. For a bucket on AWS without one in its address the store is
// asked, once: its answer names the region even where it refuses.
func (b *Bucket) regionOf(ctx context.Context) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.region != "" {
		return b.region, nil
	}
	for _, region := range []string{defaultRegion, "cn-north-1"} { // China is apart
		u, err := b.at.url(amazonEndpoint(region), "", nil)
		if err != nil {
			return "", fmt.Errorf("URL of the bucket: %w", err)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodHead, u.String(), http.NoBody)
		if err != nil {
			return "", fmt.Errorf("make the request: %w", err)
		}
		resp, err := b.http.Do(req)
		if err != nil {
			if region != defaultRegion {
				break // not to be reached from everywhere
			}
			return "", fmt.Errorf("ask for the bucket's region: %w", err)
		}
		_ = resp.Body.Close() // the answer to HEAD has none
		if found := resp.Header.Get("X-Amz-Bucket-Region"); found != "" {
			b.region = found
			return found, nil
		}
	}
	b.region = b.fallback // where Create makes it
	return b.region, nil
}
