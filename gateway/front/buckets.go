package front

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"strings"
)

// Pages of ListBuckets, which the server does not have: its reply, which has every bucket that the client may see, is cut.

const (
	maxBuckets    = 10000
	maxBucketList = 64 << 20 // bytes of the server's reply
)

// bucketQuery is what a client asks of ListBuckets.
type bucketQuery struct {
	prefix, after, region string
	most                  int
}

// bucketsAsked reads the query; nil if it asks for nothing.
func bucketsAsked(r *http.Request) (*bucketQuery, *Failure) {
	q, any := &bucketQuery{most: maxBuckets}, false
	for name, value := range params(r.URL.RawQuery) {
		any = any || name != "x-id"
		switch name {
		case "prefix":
			q.prefix = value
		case "bucket-region":
			q.region = value
		case "continuation-token":
			after, err := base64.RawURLEncoding.DecodeString(value)
			if err != nil {
				return nil, invalidArgument("The continuation token provided is incorrect")
			}
			q.after = string(after)
		case "max-buckets":
			n, ok := number(value)
			if !ok || n < 1 || n > maxBuckets {
				return nil, invalidArgument("Argument max-buckets must be an integer between 1 and 10000")
			}
			q.most = n
		}
	}
	if !any {
		return nil, nil
	}
	return q, nil
}

// page cuts the server's reply, whose buckets are in order of their names.
func (q *bucketQuery) page(said []byte, region string) ([]byte, *Failure) {
	var all struct {
		Buckets struct {
			Bucket []struct{ Name, CreationDate string }
		}
	}
	if decode(said, "ListAllMyBucketsResult", &all) != nil {
		return nil, internalError
	}
	d := newDocument("ListAllMyBucketsResult", len(said)+1<<10)
	d.owner("Owner")
	d.open("Buckets")
	n, last, more := 0, "", false
	for _, b := range all.Buckets.Bucket {
		if !strings.HasPrefix(b.Name, q.prefix) || b.Name <= q.after || q.region != "" && q.region != region {
			continue
		}
		if more = n == q.most; more {
			break
		}
		n, last = n+1, b.Name
		d.open("Bucket")
		d.element("Name", b.Name)
		d.element("CreationDate", b.CreationDate)
		d.element("BucketRegion", region)
		d.close("Bucket")
	}
	d.close("Buckets")
	if more {
		d.element("ContinuationToken", base64.RawURLEncoding.EncodeToString([]byte(last)))
	}
	d.given("Prefix", q.prefix)
	d.close("ListAllMyBucketsResult")
	return d.b, nil
}

// region is that of all buckets.
func (f *Front) region() string { return cmp.Or(f.o.Server.Region(), "us-east-1") }

// buckets is the member for ListBuckets with a query, and for HEAD of a bucket, which tells the region.
func (f *Front) buckets(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead && f.o.Server != nil && kindOf(r) == s3 && levelOf(r) == onBucket {
			replyOf(w).edit(func(status int, h http.Header) int {
				if status == http.StatusOK {
					h.Set("X-Amz-Bucket-Region", f.region())
				}
				return status
			})
		}
		// The path of a bucket that is a host name is the same.
		bucket, _ := placeOf(r)
		if r.URL.RawQuery == "" || r.Method != http.MethodGet || r.URL.Path != "/" || bucket != "" || f.o.Server == nil {
			next.ServeHTTP(w, r)
			return
		}
		p := replyOf(w)
		q, failed := bucketsAsked(r)
		if failed != nil || q != nil && !hasParam(r, "events") { // that is a stream
			p.edit(func(status int, _ http.Header) int {
				if status != http.StatusOK {
					return status
				}
				if failed != nil {
					p.fail(r.URL.Path, *failed)
					return status
				}
				p.hold(maxBucketList, func(status int, _ http.Header, said []byte) (int, []byte) {
					b, failed := q.page(said, f.region())
					if failed != nil {
						p.fail(r.URL.Path, *failed)
					}
					return status, b
				})
				return status
			})
		}
		next.ServeHTTP(w, r)
	})
}
