package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"juicefs/pkg/object"
)

// mostPage is the most keys of an answer.
const mostPage = 1000

// page is an answer to ListObjectsV2.
type page struct {
	EncodingType          string
	IsTruncated           bool
	NextContinuationToken string
	Contents              []struct {
		Key          string
		Size         int64
		LastModified string
	}
}

// List implements object.Bucket. A store that answers with other keys than it was asked for is not believed: that is an
// error.
func (b *Bucket) List(ctx context.Context, prefix, after string, limit int) ([]object.Info, error) {
	if limit < 1 {
		return nil, fmt.Errorf("list %s with limit %d: %w", prefix, limit, fs.ErrInvalid)
	}
	if !utf8.ValidString(prefix) {
		return nil, ctx.Err() // there is no such key
	}
	query := url.Values{"list-type": {"2"}, "encoding-type": {"url"}, "prefix": {prefix}}
	if start := validPart(after); start != "" {
		query.Set("start-after", start)
	}
	var all []object.Info
	last := validPart(after)
	for {
		query.Set("max-keys", strconv.Itoa(min(limit-len(all), mostPage)))
		p, err := b.page(ctx, query)
		if err != nil {
			return nil, failed("list", prefix, err)
		}
		for _, o := range p.Contents {
			if p.EncodingType == "url" {
				if o.Key, err = url.QueryUnescape(o.Key); err != nil {
					return nil, failed("list", prefix, fmt.Errorf("key %q in the store's answer: %w", clean(o.Key), err))
				}
			}
			if !strings.HasPrefix(o.Key, prefix) || o.Key <= last {
				return nil, failed("list", prefix, fmt.Errorf("invalid key %q in the store's answer: the one before is %q", o.Key, last))
			}
			last = o.Key
			if o.Key > after {
				all = append(all, object.Info{Key: o.Key, Size: o.Size, ModTime: modified(o.LastModified)})
			}
		}
		if !p.IsTruncated || len(all) >= limit {
			return all[:min(len(all), limit)], nil
		}
		if p.NextContinuationToken == "" {
			return nil, failed("list", prefix, errors.New("the store's answer is cut, without a token to go on"))
		}
		query.Del("start-after")
		query.Set("continuation-token", p.NextContinuationToken)
	}
}

func (b *Bucket) page(ctx context.Context, query url.Values) (*page, error) {
	resp, err := b.send(ctx, &request{method: http.MethodGet, query: query})
	if err != nil {
		return nil, err
	}
	var p page
	err = xml.NewDecoder(resp.Body).Decode(&p)
	_, _ = io.Copy(io.Discard, resp.Body) // what follows has no meaning; the connection is used again
	if e := resp.Body.Close(); err == nil {
		err = e
	}
	if err != nil {
		return nil, fmt.Errorf("the store's answer: %w", err)
	}
	return &p, nil
}

// validPart returns the longest prefix of a key that the protocol can carry. No key of a store is between it and the key.
func validPart(key string) string {
	for i, r := range key {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(key[i:]); size == 1 {
				return key[:i]
			}
		}
	}
	return key
}

// modified reads a time of a listing; one that is none is the zero time.
func modified(text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return at
}
