// Command miniogo uses an S3 server as programs on minio-go do, and fails at the first thing that is not as S3 has it. What it
// works on is in the environment, see package clients. It is built with the newest library and, by go2021.mod, with the one
// of 2021.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "miniogo:", err)
		os.Exit(1)
	}
}

// user works on one bucket.
type user struct {
	*minio.Client
	bucket string
}

func run(ctx context.Context) error {
	endpoint, err := url.Parse(os.Getenv("AWS_ENDPOINT_URL"))
	if err != nil {
		return err
	}
	c, err := minio.New(endpoint.Host, &minio.Options{Creds: credentials.NewEnvAWS(), Secure: endpoint.Scheme == "https"})
	if err != nil {
		return err
	}
	u := &user{c, os.Getenv("CLIENT_BUCKET")}
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"bucket", u.makeBucket}, {"put and get", u.putAndGet}, {"stream", u.stream}, {"list", u.list}, {"copy and compose", u.copyAndCompose},
		{"presigned", u.presigned}, {"the other's object", u.exchange}, {"delete many", u.deleteMany},
	} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8(sha256.Sum256(fmt.Append(nil, n))).Read(b)
	return b
}

func (u *user) makeBucket(ctx context.Context) error {
	if err := u.MakeBucket(ctx, u.bucket, minio.MakeBucketOptions{}); err != nil {
		return err
	}
	ok, err := u.BucketExists(ctx, u.bucket)
	if err == nil && !ok {
		err = errors.New("the bucket does not exist")
	}
	return err
}

func (u *user) expectGet(ctx context.Context, key string, want []byte) error {
	o, err := u.GetObject(ctx, u.bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return err
	}
	got, err := io.ReadAll(o)
	if err = errors.Join(err, o.Close()); err != nil {
		return fmt.Errorf("get %s: %w", key, err)
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s has %d other bytes instead of %d", key, len(got), len(want))
	}
	return nil
}

func (u *user) putAndGet(ctx context.Context) error {
	for _, n := range []int{0, 1, 4096, 6 << 20} {
		key, data := fmt.Sprintf("dir/with space+plus/%d", n), noise(n)
		_, err := u.PutObject(ctx, u.bucket, key, bytes.NewReader(data), int64(n), minio.PutObjectOptions{ContentType: "x/y",
			UserMetadata: map[string]string{"mine": "value"}, UserTags: map[string]string{"colour": "blue"}})
		if err != nil {
			return fmt.Errorf("%d bytes: %w", n, err)
		}
		if err = u.expectGet(ctx, key, data); err != nil {
			return err
		}
		i, err := u.StatObject(ctx, u.bucket, key, minio.StatObjectOptions{})
		if err != nil {
			return err
		}
		if i.Size != int64(n) || i.ContentType != "x/y" || i.UserMetadata["Mine"] != "value" || i.UserTagCount != 1 {
			return fmt.Errorf("%s is %+v", key, i)
		}
	}
	return nil
}

// stream sends what has no known length, in parts.
func (u *user) stream(ctx context.Context) error {
	data := noise(17 << 20)
	_, err := u.PutObject(ctx, u.bucket, "stream", io.MultiReader(bytes.NewReader(data)), -1, minio.PutObjectOptions{PartSize: 5 << 20})
	if err != nil {
		return err
	}
	return u.expectGet(ctx, "stream", data)
}

func (u *user) list(ctx context.Context) error {
	for n := range 25 {
		key := fmt.Sprintf("list/%c/%02d", 'a'+n%2, n)
		if _, err := u.PutObject(ctx, u.bucket, key, strings.NewReader(key), int64(len(key)), minio.PutObjectOptions{}); err != nil {
			return err
		}
	}
	for _, c := range []struct {
		o    minio.ListObjectsOptions
		want int
	}{
		{minio.ListObjectsOptions{Prefix: "list/", Recursive: true, MaxKeys: 10}, 25},
		{minio.ListObjectsOptions{Prefix: "list/", Recursive: true, MaxKeys: 10, UseV1: true}, 25},
		{minio.ListObjectsOptions{Prefix: "list/"}, 2},
	} {
		n := 0
		for o := range u.ListObjects(ctx, u.bucket, c.o) {
			if o.Err != nil {
				return o.Err
			}
			n++
		}
		if n != c.want {
			return fmt.Errorf("%+v: %d keys, want %d", c.o, n, c.want)
		}
	}
	return nil
}

func (u *user) copyAndCompose(ctx context.Context) error {
	src := minio.CopySrcOptions{Bucket: u.bucket, Object: "dir/with space+plus/4096"}
	if _, err := u.CopyObject(ctx, minio.CopyDestOptions{Bucket: u.bucket, Object: "copied"}, src); err != nil {
		return err
	}
	if err := u.expectGet(ctx, "copied", noise(4096)); err != nil {
		return err
	}
	big := minio.CopySrcOptions{Bucket: u.bucket, Object: "dir/with space+plus/6291456"}
	if _, err := u.ComposeObject(ctx, minio.CopyDestOptions{Bucket: u.bucket, Object: "composed"}, big, src); err != nil {
		return err
	}
	return u.expectGet(ctx, "composed", append(noise(6<<20), noise(4096)...))
}

func (u *user) presigned(ctx context.Context) error {
	put, err := u.PresignedPutObject(ctx, u.bucket, "presigned", time.Minute)
	if err != nil {
		return err
	}
	if _, err = send(ctx, http.MethodPut, put, "by URL"); err != nil {
		return err
	}
	get, err := u.PresignedGetObject(ctx, u.bucket, "presigned", time.Minute, nil)
	if err != nil {
		return err
	}
	got, err := send(ctx, http.MethodGet, get, "")
	if err == nil && got != "by URL" {
		err = fmt.Errorf("got %q", got)
	}
	return err
}

func send(ctx context.Context, method string, to *url.URL, body string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, to.String(), strings.NewReader(body))
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %s", method, resp.Status, b)
	}
	return string(b), err
}

// exchange stores what it was told to and fetches what another program stored.
func (u *user) exchange(ctx context.Context) error {
	if _, err := u.FPutObject(ctx, u.bucket, "left", os.Getenv("CLIENT_IN"), minio.PutObjectOptions{}); err != nil {
		return err
	}
	seed, key, _ := strings.Cut(os.Getenv("CLIENT_SEED"), "/")
	return u.FGetObject(ctx, seed, key, os.Getenv("CLIENT_OUT"), minio.GetObjectOptions{})
}

// deleteMany removes all but what exchange left.
func (u *user) deleteMany(ctx context.Context) error {
	names := make(chan minio.ObjectInfo, 100)
	for o := range u.ListObjects(ctx, u.bucket, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			return o.Err
		}
		if o.Key != "left" {
			names <- o
		}
	}
	close(names)
	for e := range u.RemoveObjects(ctx, u.bucket, names, minio.RemoveObjectsOptions{}) {
		return fmt.Errorf("%s: %w", e.ObjectName, e.Err)
	}
	n := 0
	for range u.ListObjects(ctx, u.bucket, minio.ListObjectsOptions{Recursive: true}) {
		n++
	}
	if n != 1 {
		return fmt.Errorf("%d objects remain", n)
	}
	return nil
}
