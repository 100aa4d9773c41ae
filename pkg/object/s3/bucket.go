package s3

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"sync"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"juicefs/pkg/object"
)

// Bucket is a bucket of a store. All methods may be called from several goroutines at once. Each request is sent once:
// object.WithRetry decides about another try, and asks Final.
type Bucket struct {
	kind          string
	at            *address
	creds         *credentials.Credentials // nil: requests are not signed
	renews        bool                     // creds can have new keys when theirs have expired
	hide          []string                 // what no error shows
	class         string                   // storage class of new objects; empty: the store's default
	checksum, ask bool
	http          *http.Client

	fallback string // region of a bucket on AWS that does not exist yet

	mu     sync.Mutex
	region string // empty: not known yet
}

// The limits of S3.
const (
	mostObject = 5 << 30 // bytes, in one request
	mostKey    = 1024    // bytes
)

// String is the address for people: s3://host/bucket/.
func (b *Bucket) String() string {
	host := b.at.host
	if host == "" {
		host = "s3.amazonaws.com"
	}
	return fmt.Sprintf("%s://%s/%s/", b.kind, host, b.at.bucket)
}

// Limits are those of S3.
func (b *Bucket) Limits() object.Limits {
	return object.Limits{MaxObject: mostObject, MaxKey: mostKey, Text: true}
}

// Create makes the bucket unless it is there. One that may not be looked at counts as there: the first request for an object
// tells more.
func (b *Bucket) Create(ctx context.Context) error {
	resp, err := b.send(ctx, &request{method: http.MethodHead})
	var refused *Error
	switch {
	case err == nil:
		return resp.Body.Close()
	case errors.Is(err, fs.ErrPermission):
		return nil
	case !errors.As(err, &refused) || refused.Status != http.StatusNotFound:
		return failed("look for the bucket", "", err)
	}
	var body []byte
	if region := b.knownRegion(); region != defaultRegion {
		body = fmt.Appendf(nil, `<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`+
			`<LocationConstraint>%s</LocationConstraint></CreateBucketConfiguration>`, region)
	}
	resp, err = b.send(ctx, &request{method: http.MethodPut, body: object.Bytes(body)})
	if errors.As(err, &refused) && (refused.Code == "BucketAlreadyOwnedByYou" || refused.Code == "BucketAlreadyExists") {
		return nil
	}
	if err != nil {
		return failed("make the bucket", "", err)
	}
	return drain(resp)
}

// Put implements object.Bucket: one request. The body is read twice, since its checksum is sent in front of it.
func (b *Bucket) Put(ctx context.Context, key string, body object.Body) error {
	if err := checkKey(key); err != nil {
		return failed("put", key, err)
	}
	header := http.Header{"Content-Type": {contentType(key)}}
	if b.class != "" {
		header.Set("X-Amz-Storage-Class", b.class)
	}
	sum := crc32.New(castagnoli)
	if _, err := body.WriteTo(sum); err != nil {
		return failed("put", key, err)
	}
	if b.checksum {
		header.Set(checksumHeader, strconv.FormatUint(uint64(sum.Sum32()), 10))
	}
	resp, err := b.send(ctx, &request{method: http.MethodPut, key: key, header: header, body: body})
	if err != nil {
		return failed("put", key, err)
	}
	if err = drain(resp); err != nil {
		return failed("put", key, err)
	}
	return nil
}

func contentType(key string) string {
	if t := mime.TypeByExtension(path.Ext(key)); t != "" {
		return t
	}
	return "application/octet-stream"
}

// Delete implements object.Bucket.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return failed("delete", key, err)
	}
	resp, err := b.send(ctx, &request{method: http.MethodDelete, key: key})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = drain(resp)
	}
	if err != nil {
		return failed("delete", key, err)
	}
	return nil
}

// Stat implements object.Bucket.
func (b *Bucket) Stat(ctx context.Context, key string) (object.Info, error) {
	if err := checkKey(key); err != nil {
		return object.Info{}, failed("stat", key, err)
	}
	resp, err := b.send(ctx, &request{method: http.MethodHead, key: key})
	if err != nil {
		return object.Info{}, failed("stat", key, err)
	}
	info := object.Info{Key: key, Size: max(resp.ContentLength, 0)}
	if at, err := http.ParseTime(resp.Header.Get("Last-Modified")); err == nil {
		info.ModTime = at
	}
	return info, resp.Body.Close()
}

// Get implements object.Bucket. Where all of an object is read, its checksum is compared at the end; other bytes are
// object.ErrDamaged.
func (b *Bucket) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	body, whole, sum, err := b.get(ctx, key, off, n)
	if err != nil {
		return nil, failed("get", key, err)
	}
	if whole && sum != "" {
		return verify(body, key, sum), nil
	}
	return body, nil
}

// ReadRange implements object.RangeReader. A range that is all of an object is compared with its checksum.
func (b *Bucket) ReadRange(ctx context.Context, key string, p []byte, off int64) (int, error) {
	body, whole, sum, err := b.get(ctx, key, off, int64(len(p)))
	if err != nil {
		return 0, failed("get", key, err)
	}
	n, err := fill(p, body)
	if e := body.Close(); err == nil {
		err = e
	}
	if want, ok := parseSum(sum); err == nil && whole && ok {
		if got := crc32.Checksum(p[:n], castagnoli); got != want {
			err = &mismatchError{got: got, want: want}
		}
	}
	if err != nil {
		return n, failed("get", key, err)
	}
	return n, nil
}

// fill reads until p is full or r ends well. io.ReadFull has one error for an end and for a break.
func fill(p []byte, r io.Reader) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// get asks for n bytes of an object from off, n < 0: to its end. whole says that these are all its bytes, sum is its checksum
// if it has one that is wanted.
func (b *Bucket) get(ctx context.Context, key string, off, n int64) (body io.ReadCloser, whole bool, sum string, err error) {
	if off < 0 {
		return nil, false, "", fmt.Errorf("from %d: %w", off, fs.ErrInvalid)
	}
	if err = checkKey(key); err != nil {
		return nil, false, "", err
	}
	if n == 0 {
		_, err = b.Stat(ctx, key)
		return http.NoBody, false, "", err
	}
	r := &request{method: http.MethodGet, key: key}
	ranged := off > 0 || n > 0
	if ranged {
		r.header = http.Header{"Range": {byteRange(off, n)}}
	}
	resp, err := b.send(ctx, r)
	var refused *Error
	if ranged && errors.As(err, &refused) && refused.Status == http.StatusRequestedRangeNotSatisfiable {
		return http.NoBody, false, "", nil // it begins behind the object
	}
	if err != nil {
		return nil, false, "", err
	}
	if b.checksum {
		sum = resp.Header.Get(checksumHeader)
	}
	body, whole = resp.Body, !ranged
	switch {
	case resp.StatusCode == http.StatusPartialContent && ranged:
		whole, err = allOf(resp, off)
	case ranged: // a store without ranges sends everything
		whole = off == 0 && n >= resp.ContentLength && resp.ContentLength >= 0
		body, err = narrow(resp.Body, off, n)
	}
	if err != nil {
		_ = resp.Body.Close() // it was only read
		return nil, false, "", err
	}
	return body, whole, sum, nil
}

// byteRange is the header that asks for n bytes from off, n < 0: to the end.
func byteRange(off, n int64) string {
	if n < 0 {
		return fmt.Sprintf("bytes=%d-", off)
	}
	return fmt.Sprintf("bytes=%d-%d", off, off+n-1)
}

// allOf says whether the part of an object in resp, which has to begin at off, is all of it.
func allOf(resp *http.Response, off int64) (bool, error) {
	var first, last, size int64
	text := resp.Header.Get("Content-Range")
	if n, err := fmt.Sscanf(text, "bytes %d-%d/%d", &first, &last, &size); n < 2 {
		return false, fmt.Errorf("content range %q: %w", clean(text), err)
	}
	if first != off {
		return false, fmt.Errorf("asked for bytes from %d, got them from %d", off, first)
	}
	return first == 0 && last == size-1, nil
}

// narrow cuts a body down to n bytes from off, n < 0: to its end.
func narrow(body io.ReadCloser, off, n int64) (io.ReadCloser, error) {
	if _, err := io.CopyN(io.Discard, body, off); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if n < 0 {
		return body, nil
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(body, n), body}, nil
}

// drain reads the rest of a short answer, so that its connection is used again.
func drain(resp *http.Response) error {
	_, err := io.Copy(io.Discard, io.LimitReader(resp.Body, mostError))
	return errors.Join(err, resp.Body.Close())
}
