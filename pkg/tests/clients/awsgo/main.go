// Command awsgo uses an S3 server as programs on the AWS SDK for Go do, with the SDK's own defaults, and fails at the first
// thing that is not as S3 has it. What it works on is in the environment, see package clients.
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
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "awsgo:", err)
		os.Exit(1)
	}
}

// user works on one bucket.
type user struct {
	*s3.Client
	bucket *string
}

func run(ctx context.Context) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	c := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	u := &user{c, aws.String(os.Getenv("CLIENT_BUCKET"))}
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"bucket", u.makeBucket}, {"put and get", u.putAndGet}, {"checksums", u.checksums}, {"transfer of parts", u.transfer},
		{"multipart upload", u.multipart}, {"conditions", u.conditions}, {"list", u.list}, {"copy and tags", u.copyAndTags},
		{"attributes", u.attributes}, {"presigned", u.presigned}, {"the other's object", u.exchange}, {"delete many", u.deleteMany},
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
	if _, err := u.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: u.bucket}); err != nil {
		return err
	}
	if _, err := u.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: u.bucket}); err != nil {
		return err
	}
	v, err := u.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: u.bucket})
	if err == nil && v.Status != "" {
		err = fmt.Errorf("versioning is %q", v.Status)
	}
	return err
}

// expectGet fails unless an object has this data.
func (u *user) expectGet(ctx context.Context, key string, want []byte) error {
	out, err := u.GetObject(ctx, &s3.GetObjectInput{Bucket: u.bucket, Key: &key})
	if err != nil {
		return err
	}
	got, err := io.ReadAll(out.Body)
	if err = errors.Join(err, out.Body.Close()); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s has %d other bytes instead of %d", key, len(got), len(want))
	}
	return nil
}

func (u *user) putAndGet(ctx context.Context) error {
	for _, n := range []int{0, 1, 4096, 6 << 20} {
		key, data := fmt.Sprintf("dir/with space+plus/%d", n), noise(n)
		_, err := u.PutObject(ctx, &s3.PutObjectInput{Bucket: u.bucket, Key: &key, Body: bytes.NewReader(data), ContentType: aws.String("x/y"),
			ContentEncoding: aws.String("gzip"), CacheControl: aws.String("no-cache"), Metadata: map[string]string{"mine": "value"}})
		if err != nil {
			return fmt.Errorf("%d bytes: %w", n, err)
		}
		if err = u.expectGet(ctx, key, data); err != nil {
			return err
		}
		h, err := u.HeadObject(ctx, &s3.HeadObjectInput{Bucket: u.bucket, Key: &key})
		if err != nil {
			return err
		}
		got := fmt.Sprint(aws.ToInt64(h.ContentLength), aws.ToString(h.ContentType), aws.ToString(h.ContentEncoding), aws.ToString(h.CacheControl), h.Metadata["mine"])
		if want := fmt.Sprint(n, "x/y", "gzip", "no-cache", "value"); got != want {
			return fmt.Errorf("HEAD has %q instead of %q", got, want)
		}
	}
	out, err := u.GetObject(ctx, &s3.GetObjectInput{Bucket: u.bucket, Key: aws.String("dir/with space+plus/4096"), Range: aws.String("bytes=10-19")})
	if err != nil {
		return err
	}
	got, err := io.ReadAll(out.Body)
	if err == nil && !bytes.Equal(got, noise(4096)[10:20]) {
		err = errors.New("a range has other bytes")
	}
	return errors.Join(err, out.Body.Close())
}

func (u *user) checksums(ctx context.Context) error {
	for _, a := range []types.ChecksumAlgorithm{types.ChecksumAlgorithmCrc32, types.ChecksumAlgorithmCrc32c, types.ChecksumAlgorithmCrc64nvme,
		types.ChecksumAlgorithmSha1, types.ChecksumAlgorithmSha256} {
		key := "sums/" + string(a)
		put, err := u.PutObject(ctx, &s3.PutObjectInput{Bucket: u.bucket, Key: &key, Body: bytes.NewReader(noise(100_000)), ChecksumAlgorithm: a})
		if err != nil {
			return fmt.Errorf("%s: %w", a, err)
		}
		h, err := u.HeadObject(ctx, &s3.HeadObjectInput{Bucket: u.bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
		if err != nil {
			return fmt.Errorf("%s: %w", a, err)
		}
		all := func(c ...*string) string {
			var s strings.Builder
			for _, v := range c {
				s.WriteString(aws.ToString(v))
			}
			return s.String()
		}
		sent := all(put.ChecksumCRC32, put.ChecksumCRC32C, put.ChecksumCRC64NVME, put.ChecksumSHA1, put.ChecksumSHA256)
		kept := all(h.ChecksumCRC32, h.ChecksumCRC32C, h.ChecksumCRC64NVME, h.ChecksumSHA1, h.ChecksumSHA256)
		if sent == "" || sent != kept || h.ChecksumType != types.ChecksumTypeFullObject {
			return fmt.Errorf("%s: PUT answers %q, HEAD %q of type %q", a, sent, kept, h.ChecksumType)
		}
	}
	return nil
}

// transfer sends a stream of unknown length in parts, some at once, and fetches it in ranges.
func (u *user) transfer(ctx context.Context) error {
	data := noise(17 << 20)
	_, err := manager.NewUploader(u.Client).Upload(ctx, &s3.PutObjectInput{Bucket: u.bucket, Key: aws.String("transfer"), Body: io.MultiReader(bytes.NewReader(data))})
	if err != nil {
		return err
	}
	got := manager.NewWriteAtBuffer(nil)
	if _, err = manager.NewDownloader(u.Client).Download(ctx, got, &s3.GetObjectInput{Bucket: u.bucket, Key: aws.String("transfer")}); err != nil {
		return err
	}
	if !bytes.Equal(got.Bytes(), data) {
		return errors.New("other bytes")
	}
	return nil
}

func (u *user) multipart(ctx context.Context) error {
	key := aws.String("multipart")
	up, err := u.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: u.bucket, Key: key, ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
	if err != nil {
		return err
	}
	data := noise(11 << 20)
	var parts []types.CompletedPart
	for n, p := range [][]byte{data[:6<<20], data[6<<20:]} {
		number := aws.Int32(int32(n + 1))
		r, err := u.UploadPart(ctx, &s3.UploadPartInput{Bucket: u.bucket, Key: key, UploadId: up.UploadId, PartNumber: number,
			Body: bytes.NewReader(p), ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
		if err != nil {
			return err
		}
		parts = append(parts, types.CompletedPart{PartNumber: number, ETag: r.ETag, ChecksumSHA256: r.ChecksumSHA256})
	}
	l, err := u.ListParts(ctx, &s3.ListPartsInput{Bucket: u.bucket, Key: key, UploadId: up.UploadId})
	if err != nil {
		return err
	}
	if len(l.Parts) != 2 || aws.ToString(l.Parts[0].ETag) != aws.ToString(parts[0].ETag) || aws.ToString(l.Parts[1].ChecksumSHA256) != aws.ToString(parts[1].ChecksumSHA256) {
		return fmt.Errorf("%d parts are listed, or others", len(l.Parts))
	}
	done, err := u.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: u.bucket, Key: key, UploadId: up.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
	if err != nil {
		return err
	}
	if !strings.HasSuffix(aws.ToString(done.ChecksumSHA256), "-2") || !strings.HasSuffix(strings.Trim(aws.ToString(done.ETag), `"`), "-2") {
		return fmt.Errorf("checksum %q, ETag %q", aws.ToString(done.ChecksumSHA256), aws.ToString(done.ETag))
	}
	if err = u.expectGet(ctx, *key, data); err != nil {
		return err
	}
	h, err := u.HeadObject(ctx, &s3.HeadObjectInput{Bucket: u.bucket, Key: key, PartNumber: aws.Int32(2)})
	if err == nil && (aws.ToInt64(h.ContentLength) != 5<<20 || aws.ToInt32(h.PartsCount) != 2) {
		err = fmt.Errorf("part 2 of %d has %d bytes", aws.ToInt32(h.PartsCount), aws.ToInt64(h.ContentLength))
	}
	if err != nil {
		return err
	}
	return u.readParts(ctx, key, parts, data[:6<<20], data[6<<20:])
}

// readParts reads an object by its parts and has the library compare each with its checksum.
func (u *user) readParts(ctx context.Context, key *string, parts []types.CompletedPart, data ...[]byte) error {
	for n, want := range data {
		r, err := u.GetObject(ctx, &s3.GetObjectInput{Bucket: u.bucket, Key: key, PartNumber: aws.Int32(int32(n + 1)), ChecksumMode: types.ChecksumModeEnabled})
		if err != nil {
			return err
		}
		got, err := io.ReadAll(r.Body)
		if err = errors.Join(err, r.Body.Close()); err != nil {
			return err
		}
		if !bytes.Equal(got, want) || aws.ToString(r.ChecksumSHA256) != aws.ToString(parts[n].ChecksumSHA256) || r.ChecksumType != types.ChecksumTypeComposite {
			return fmt.Errorf("part %d: %d bytes, checksum %q of type %q", n+1, len(got), aws.ToString(r.ChecksumSHA256), r.ChecksumType)
		}
	}
	out, err := u.GetObjectAttributes(ctx, &s3.GetObjectAttributesInput{Bucket: u.bucket, Key: key, ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesObjectParts}})
	if err != nil {
		return err
	}
	if out.ObjectParts == nil || len(out.ObjectParts.Parts) != len(parts) {
		return fmt.Errorf("parts %+v", out.ObjectParts)
	}
	for n, p := range out.ObjectParts.Parts {
		if aws.ToString(p.ChecksumSHA256) != aws.ToString(parts[n].ChecksumSHA256) || aws.ToInt64(p.Size) != int64(len(data[n])) {
			return fmt.Errorf("part %d: checksum %q, %d bytes", n+1, aws.ToString(p.ChecksumSHA256), aws.ToInt64(p.Size))
		}
	}
	return nil
}

// expectCode fails unless err is a reply with this code.
func expectCode(err error, code string) error {
	var e smithy.APIError
	if errors.As(err, &e) && e.ErrorCode() == code {
		return nil
	}
	return fmt.Errorf("got %w, want %s", err, code)
}

var errNone = errors.New("no error")

func (u *user) conditions(ctx context.Context) error {
	put := func(key string, match, noneMatch *string) (*string, error) {
		out, err := u.PutObject(ctx, &s3.PutObjectInput{Bucket: u.bucket, Key: &key, Body: strings.NewReader("x"), IfMatch: match, IfNoneMatch: noneMatch})
		if err != nil {
			return nil, err
		}
		return out.ETag, errNone
	}
	star := aws.String("*")
	tag, err := put("once", nil, star)
	if !errors.Is(err, errNone) {
		return err
	}
	if _, err = put("once", nil, star); expectCode(err, "PreconditionFailed") != nil {
		return fmt.Errorf("If-None-Match: %w", err)
	}
	if _, err = put("once", tag, nil); !errors.Is(err, errNone) {
		return fmt.Errorf("If-Match: %w", err)
	}
	if _, err = put("once", aws.String(`"0123456789abcdef0123456789abcdef"`), nil); expectCode(err, "PreconditionFailed") != nil {
		return fmt.Errorf("If-Match with another tag: %w", err)
	}
	_, err = put("never", tag, nil)
	return expectCode(err, "NoSuchKey")
}

func (u *user) list(ctx context.Context) error {
	for n := range 25 {
		key := fmt.Sprintf("list/%c/%02d", 'a'+n%2, n)
		if _, err := u.PutObject(ctx, &s3.PutObjectInput{Bucket: u.bucket, Key: &key, Body: strings.NewReader(key)}); err != nil {
			return err
		}
	}
	var keys []string
	pages := s3.NewListObjectsV2Paginator(u.Client, &s3.ListObjectsV2Input{Bucket: u.bucket, Prefix: aws.String("list/"), MaxKeys: aws.Int32(10)})
	n := 0
	for ; pages.HasMorePages(); n++ {
		p, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, o := range p.Contents {
			keys = append(keys, *o.Key)
		}
	}
	if len(keys) != 25 || n != 3 || keys[0] != "list/a/00" || keys[24] != "list/b/23" {
		return fmt.Errorf("%d pages have %d keys: %v", n, len(keys), keys)
	}
	d, err := u.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: u.bucket, Prefix: aws.String("list/"), Delimiter: aws.String("/")})
	if err == nil && (len(d.CommonPrefixes) != 2 || len(d.Contents) != 0) {
		err = fmt.Errorf("%d prefixes and %d keys", len(d.CommonPrefixes), len(d.Contents))
	}
	return err
}

func (u *user) copyAndTags(ctx context.Context) error {
	source := *u.bucket + "/dir/with%20space%2Bplus/4096"
	if _, err := u.CopyObject(ctx, &s3.CopyObjectInput{Bucket: u.bucket, Key: aws.String("copied"), CopySource: &source}); err != nil {
		return err
	}
	if err := u.expectGet(ctx, "copied", noise(4096)); err != nil {
		return err
	}
	tags := []types.Tag{{Key: aws.String("colour"), Value: aws.String("blue green")}}
	if _, err := u.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: u.bucket, Key: aws.String("copied"), Tagging: &types.Tagging{TagSet: tags}}); err != nil {
		return err
	}
	out, err := u.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: u.bucket, Key: aws.String("copied")})
	if err == nil && (len(out.TagSet) != 1 || *out.TagSet[0].Value != "blue green") {
		err = fmt.Errorf("%d tags", len(out.TagSet))
	}
	return err
}

func (u *user) attributes(ctx context.Context) error {
	out, err := u.GetObjectAttributes(ctx, &s3.GetObjectAttributesInput{Bucket: u.bucket, Key: aws.String("multipart"),
		ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesObjectSize, types.ObjectAttributesEtag, types.ObjectAttributesObjectParts}})
	if err == nil && (aws.ToInt64(out.ObjectSize) != 11<<20 || out.ObjectParts == nil || aws.ToInt32(out.ObjectParts.TotalPartsCount) != 2) {
		err = fmt.Errorf("size %d, parts %+v", aws.ToInt64(out.ObjectSize), out.ObjectParts)
	}
	return err
}

func (u *user) presigned(ctx context.Context) error {
	p := s3.NewPresignClient(u.Client)
	put, err := p.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: u.bucket, Key: aws.String("presigned")})
	if err != nil {
		return err
	}
	if err = send(ctx, put.Method, put.URL, put.SignedHeader, "by URL", nil); err != nil {
		return err
	}
	get, err := p.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: u.bucket, Key: aws.String("presigned")})
	if err != nil {
		return err
	}
	var got bytes.Buffer
	if err = send(ctx, get.Method, get.URL, get.SignedHeader, "", &got); err == nil && got.String() != "by URL" {
		err = fmt.Errorf("got %q", got.String())
	}
	return err
}

func send(ctx context.Context, method, url string, h http.Header, body string, to io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	for k, v := range h {
		req.Header[k] = v
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s %s", method, resp.Status, b)
	}
	if to != nil {
		_, err = to.Write(b)
	}
	return err
}

// exchange stores what it was told to and fetches what another program stored.
func (u *user) exchange(ctx context.Context) error {
	in, err := os.ReadFile(os.Getenv("CLIENT_IN"))
	if err != nil {
		return err
	}
	if _, err = u.PutObject(ctx, &s3.PutObjectInput{Bucket: u.bucket, Key: aws.String("left"), Body: bytes.NewReader(in)}); err != nil {
		return err
	}
	seed, key, _ := strings.Cut(os.Getenv("CLIENT_SEED"), "/")
	out, err := u.GetObject(ctx, &s3.GetObjectInput{Bucket: &seed, Key: &key})
	if err != nil {
		return err
	}
	b, err := io.ReadAll(out.Body)
	return errors.Join(err, out.Body.Close(), os.WriteFile(os.Getenv("CLIENT_OUT"), b, 0o600))
}

// deleteMany removes all but what exchange left.
func (u *user) deleteMany(ctx context.Context) error {
	l, err := u.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: u.bucket})
	if err != nil {
		return err
	}
	var ids []types.ObjectIdentifier
	for _, o := range l.Contents {
		if *o.Key != "left" {
			ids = append(ids, types.ObjectIdentifier{Key: o.Key})
		}
	}
	out, err := u.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: u.bucket, Delete: &types.Delete{Objects: ids}})
	if err != nil {
		return err
	}
	if len(out.Deleted) != len(ids) || len(out.Errors) != 0 || out.Deleted[0].Key == nil {
		return fmt.Errorf("%d of %d are deleted, %d failed", len(out.Deleted), len(ids), len(out.Errors))
	}
	l, err = u.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: u.bucket})
	if err == nil && len(l.Contents) != 1 {
		err = fmt.Errorf("%d objects remain", len(l.Contents))
	}
	return err
}
