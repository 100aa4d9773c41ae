package s3

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/notification"
	"github.com/minio/minio-go/v7/pkg/tags"

	"juicefs/pkg/tests/oracle"
)

// pair are two gateways of one volume that look every second for what the other has changed. Each has a webhook of its own.
type pair struct {
	a, b *client
	told *inbox // what b's webhook was told
}

// startPair starts them with further options, and variables.
func startPair(t *testing.T, flags, env []string) *pair {
	t.Helper()
	p, told := oracle.Ours(t), &inbox{}
	v := oracle.Format(t, p, oracle.FormatOptions{})
	one := func(in *inbox) *oracle.Gateway {
		hook := httptest.NewServer(in)
		t.Cleanup(hook.Close)
		return oracle.Start(t, p, v, oracle.GatewayOptions{Flags: slices.Concat(flags, everything),
			Env: append([]string{"MINIO_NOTIFY_WEBHOOK_ENABLE_1=on", "MINIO_NOTIFY_WEBHOOK_ENDPOINT_1=" + hook.URL}, env...)})
	}
	a := use(t, one(&inbox{}))
	g := one(told)
	return &pair{a: a, b: &client{Core: g.Core(t), t: t, g: g, bucket: a.bucket}, told: told}
}

// anonymous asks b for an object without a signature and returns the status.
func (p *pair) anonymous(t *testing.T, key string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.b.g.URL()+"/"+p.b.bucket+"/"+key, nil)
	must(t, err)
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	_, err = io.Copy(io.Discard, resp.Body)
	must(t, err)
	must(t, resp.Body.Close())
	return resp.StatusCode
}

// eventually polls b until anonymous reading of a key has a status.
func (p *pair) eventually(t *testing.T, key string, status int) {
	t.Helper()
	oracle.Poll(t, 20*time.Second, func() error {
		if got := p.anonymous(t, key); got != status {
			return fmt.Errorf("anonymous GET of %s: %d, want %d", key, got, status)
		}
		return nil
	})
}

// rules sets a's notification rules to those for keys with a prefix, none for "-", and waits until b has the same.
func (p *pair) rules(t *testing.T, prefix string) {
	t.Helper()
	var c notification.Configuration
	if prefix != "-" {
		q := notification.NewConfig(notification.NewArn("minio", "sqs", "", "1", "webhook"))
		q.AddEvents(notification.ObjectCreatedAll)
		q.AddFilterPrefix(prefix)
		c.AddQueue(q)
	}
	must(t, p.a.SetBucketNotification(t.Context(), p.a.bucket, c))
	oracle.Poll(t, 20*time.Second, func() error {
		got, err := p.b.GetBucketNotification(t.Context(), p.b.bucket)
		if err != nil {
			return err
		}
		if n := len(got.QueueConfigs); n != len(c.QueueConfigs) {
			return fmt.Errorf("b has %d rules, want %d", n, len(c.QueueConfigs))
		}
		return nil
	})
}

// expectEvent waits until b's webhook was told of a key.
func (p *pair) expectEvent(t *testing.T, key string) {
	t.Helper()
	oracle.Poll(t, 20*time.Second, func() error {
		p.told.mu.Lock()
		defer p.told.mu.Unlock()
		if !slices.ContainsFunc(p.told.got, func(e string) bool { return strings.Contains(e, "/"+key+" ") }) {
			return fmt.Errorf("no event of %s in %q", key, p.told.got)
		}
		return nil
	})
}

const publicRead = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::%s/*"]}]}`

// What one gateway changes about a bucket holds at the other within the interval, although that one has read it before.
func TestSettingsOfBucketsReachOtherGateways(t *testing.T) {
	t.Parallel()
	p := startPair(t, []string{"--refresh-iam-interval", "1s"}, nil)
	ctx, bucket := t.Context(), p.a.bucket
	p.a.put("k", []byte("x"), minio.PutObjectOptions{})
	if got := p.anonymous(t, "k"); got != http.StatusForbidden { // now b knows that there is no policy
		t.Fatalf("anonymous GET: %d", got)
	}
	_, err := p.b.GetBucketTagging(ctx, bucket)
	wants(t, err, http.StatusNotFound, "NoSuchTagSet")

	must(t, p.a.SetBucketPolicy(ctx, bucket, fmt.Sprintf(publicRead, bucket)))
	p.eventually(t, "k", http.StatusOK)
	set, err := tags.NewTags(map[string]string{"color": "red"}, false)
	must(t, err)
	must(t, p.a.SetBucketTagging(ctx, bucket, set))
	oracle.Poll(t, 20*time.Second, func() error {
		got, e := p.b.GetBucketTagging(ctx, bucket)
		if e == nil && got.String() != "color=red" {
			e = fmt.Errorf("tags are %s", got)
		}
		return e
	})
	p.rules(t, "")
	p.b.put("told", []byte("x"), minio.PutObjectOptions{})
	p.expectEvent(t, "told")

	must(t, p.a.SetBucketPolicy(ctx, bucket, ""))
	p.eventually(t, "k", http.StatusForbidden)
	must(t, p.a.RemoveBucketTagging(ctx, bucket))
	oracle.Poll(t, 20*time.Second, func() error {
		if _, e := p.b.GetBucketTagging(ctx, bucket); minio.ToErrorResponse(e).Code != "NoSuchTagSet" {
			return fmt.Errorf("b still has tags: %w", e)
		}
		return nil
	})
	p.rules(t, "-")
	p.b.put("quiet", []byte("x"), minio.PutObjectOptions{})
	p.rules(t, "loud")
	p.b.put("loud", []byte("x"), minio.PutObjectOptions{})
	p.expectEvent(t, "loud")
	p.told.mu.Lock()
	defer p.told.mu.Unlock()
	if all := strings.Join(p.told.got, ","); strings.Contains(all, "quiet") {
		t.Errorf("an event of what no rule named any more: %s", all)
	}
}

// A bucket that was removed and made again at one gateway has nothing of the old one at the other.
func TestSettingsGoWithTheirBucket(t *testing.T) {
	t.Parallel()
	p := startPair(t, nil, []string{"MINIO_REFRESH_IAM_INTERVAL=1s"})
	ctx, bucket := t.Context(), p.a.bucket
	p.a.put("k", []byte("x"), minio.PutObjectOptions{})
	must(t, p.a.SetBucketPolicy(ctx, bucket, fmt.Sprintf(publicRead, bucket)))
	p.eventually(t, "k", http.StatusOK)
	must(t, p.a.RemoveObject(ctx, bucket, "k", minio.RemoveObjectOptions{}))
	must(t, p.a.RemoveBucket(ctx, bucket))
	must(t, p.a.MakeBucket(ctx, bucket, minio.MakeBucketOptions{}))
	p.a.put("k", []byte("y"), minio.PutObjectOptions{})
	p.eventually(t, "k", http.StatusForbidden)
}
