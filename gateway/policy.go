package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"

	minio "github.com/minio/minio/cmd"
	"github.com/minio/minio/pkg/bucket/policy"

	"juicefs/gateway/front"
)

// The fork keeps policies in a bucket's settings by itself, and calls these only when it runs as a gateway of the old
// kind, which it does not here. They do the same.

// SetBucketPolicy replaces the policy of a bucket.
func (l *Layer) SetBucketPolicy(ctx context.Context, bucket string, p *policy.Policy) error {
	text, err := json.Marshal(p)
	if err != nil {
		return minio.InvalidArgument{Bucket: bucket, Err: err}
	}
	return l.changePolicy(ctx, bucket, text)
}

// DeleteBucketPolicy removes the policy of a bucket.
func (l *Layer) DeleteBucketPolicy(ctx context.Context, bucket string) error {
	return l.changePolicy(ctx, bucket, nil)
}

// GetBucketPolicy returns the policy of a bucket, or BucketPolicyNotFound.
func (l *Layer) GetBucketPolicy(ctx context.Context, bucket string) (*policy.Policy, error) {
	m, err := l.loadMetadata(ctx, bucket)
	if err != nil {
		return nil, err
	}
	if m.PolicyConfig == nil {
		return nil, minio.BucketPolicyNotFound{Bucket: bucket}
	}
	return m.PolicyConfig, nil
}

func (l *Layer) changePolicy(ctx context.Context, bucket string, text []byte) error {
	m, err := l.loadMetadata(ctx, bucket)
	if err != nil {
		return err
	}
	m.PolicyConfigJSON = text
	return l.saveMetadata(ctx, m)
}

// loadMetadata reads the settings of a bucket that must exist.
func (l *Layer) loadMetadata(ctx context.Context, bucket string) (minio.BucketMetadata, error) {
	if _, err := l.GetBucketInfo(ctx, bucket); err != nil {
		return minio.BucketMetadata{}, err
	}
	return minio.LoadBucketMetadata(front.WithOrigin(ctx, front.Inside), l, bucket)
}

// Public implements front.Store.
func (l *Layer) Public(ctx context.Context, bucket string) (bool, error) {
	m, err := l.loadMetadata(ctx, bucket)
	if err != nil {
		return false, failureOf(err)
	}
	if m.PolicyConfig == nil {
		return false, &front.Failure{Status: http.StatusNotFound, Code: "NoSuchBucketPolicy", Message: "The bucket policy does not exist"}
	}
	public, err := isPublic(m.PolicyConfigJSON)
	return public, failureOf(err)
}

// isPublic reports whether a policy is one that S3 calls public: it grants something to everybody, and no condition narrows
// that down to fixed addresses, networks, accounts or organizations.
func isPublic(text []byte) (bool, error) {
	var p struct {
		Statement []struct {
			Effect    string
			Principal any
			Condition map[string]map[string]any
		}
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return false, err
	}
	for _, s := range p.Statement {
		if s.Effect == "Allow" && isEverybody(s.Principal) && !narrows(s.Condition) {
			return true, nil
		}
	}
	return false, nil
}

// isEverybody reports whether a principal is "*", bare, in a list, or as {"AWS": ...}.
func isEverybody(principal any) bool {
	if m, ok := principal.(map[string]any); ok {
		principal = m["AWS"]
	}
	for _, s := range texts(principal) {
		if s == "*" {
			return true
		}
	}
	return false
}

// texts are the strings of a value that may be one or a list of them.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, e := range v {
			if s, ok := e.(string); ok {
				all = append(all, s)
			}
		}
		return all
	}
	return nil
}

// narrows reports whether one of the conditions, all of which must hold, lets only fixed values of a key pass that says
// where a request comes from or whose it is.
func narrows(conditions map[string]map[string]any) bool {
	for operator, keys := range conditions {
		if strings.Contains(operator, "Not") || operator == "Null" || strings.HasSuffix(operator, "IfExists") {
			continue
		}
		for key, values := range keys {
			if isFixed(strings.ToLower(key), texts(values)) {
				return true
			}
		}
	}
	return false
}

func isFixed(key string, values []string) bool {
	fixed := func(string) bool { return false }
	switch key {
	case "aws:sourceip":
		fixed = isNetwork
	case "aws:sourcevpc", "aws:sourcevpce", "aws:sourcearn", "aws:sourceaccount", "aws:principalorgid", "aws:principalarn", "aws:principalaccount",
		"aws:userid", "aws:username":
		fixed = func(v string) bool { return !strings.ContainsAny(v, "*?$") }
	}
	for _, v := range values {
		if !fixed(v) {
			return false
		}
	}
	return len(values) > 0
}

// isNetwork reports whether an address or network is small enough to be nobody's but one owner's: S3 draws the line at /8,
// and at /32 for IPv6.
func isNetwork(v string) bool {
	if _, err := netip.ParseAddr(v); err == nil {
		return true
	}
	p, err := netip.ParsePrefix(v)
	return err == nil && (p.Addr().Is4() && p.Bits() >= 8 || p.Addr().Is6() && p.Bits() >= 32)
}
