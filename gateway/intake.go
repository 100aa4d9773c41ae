package gateway

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // the entity tag of S3
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strings"

	minio "github.com/minio/minio/cmd"
	forkhash "github.com/minio/minio/pkg/hash"

	"juicefs/gateway/front"
	"juicefs/pkg/buf"
	"juicefs/pkg/checksum"
	"juicefs/vfs"
)

// intake reads the data of an object or part from a request, once, and computes all that is to be known of it meanwhile.
// Where the front has a body it is read past the fork's reader, which would compute MD5 and SHA-256 one after the other in
// this goroutine. What that would check is checked here then, by the values it was made with.
type intake struct {
	data *minio.PutObjReader
	body *front.Body // nil: data is read
	err  error       // of the source; nil after io.EOF

	chain *front.Chain // what compares the signatures of body's chunks and has its MD5; nil: nothing is left to compare
	whole bool         // finish found everything right

	alg              checksum.Algorithm // of the checksum to keep
	md5, sha256, sum func() []byte      // at the end; nil: not computed here
	digest           *checksum.Digest
}

// intake opens the data of a request. alg is the checksum that is wanted if the client sends none.
func (l *Layer) intake(ctx context.Context, data *minio.PutObjReader, alg checksum.Algorithm) *intake {
	in := &intake{data: data, body: front.BodyOf(ctx, data.Size()), alg: alg}
	var slow, fast []io.Writer
	if in.body != nil {
		if sent := in.body.Algorithm(); sent != checksum.None {
			in.alg = sent
		}
		in.chain = in.body.Defer()
		switch {
		case in.chain != nil:
			slow = in.chain.Writers()
			if len(data.SHA256()) > 0 {
				h := sha256.New()
				slow, in.sha256 = append(slow, h), sumOfHash(h)
			}
		case len(data.SHA256()) > 0 || in.alg == checksum.SHA256:
			p := checksum.NewPair()
			slow, in.md5, in.sha256 = p.Writers(), p.MD5, p.SHA256
		default:
			m := md5.New() //nolint:gosec // the entity tag of S3
			slow, in.md5 = []io.Writer{m}, sumOfHash(m)
		}
	}
	switch h := in.alg.New(); {
	case h == nil:
	case in.alg == checksum.SHA256 && in.sha256 != nil:
		in.sum = in.sha256
	case in.alg.Linear():
		fast, in.sum = []io.Writer{h}, sumOfHash(h)
	default:
		slow, in.sum = append(slow, h), sumOfHash(h)
	}
	in.digest = checksum.NewDigest(data.Size(), slow, fast)
	return in
}

func sumOfHash(h hash.Hash) func() []byte { return func() []byte { return h.Sum(nil) } }

// source is what the data is to be read from: in, if it wants to see it.
func (in *intake) source() io.Reader {
	if in.digest.Empty() {
		return struct{ io.Reader }{in}
	}
	return in
}

// Read implements io.Reader. What it returns is not hashed yet: see Watch.
func (in *intake) Read(p []byte) (n int, err error) {
	if in.body != nil {
		n, err = in.body.Read(p)
	} else {
		n, err = in.data.Read(p)
	}
	if err != nil && err != io.EOF { //nolint:errorlint // io.EOF is never wrapped
		in.err = err
	}
	return n, err
}

// Watch implements vfs.Watcher: the data is hashed where it lies. A reader that is no vfs.Writer finds none.
func (in *intake) Watch(p *buf.Page) { in.digest.Share(p.Bytes(), p.Release) }

// close ends what runs for the intake. It may be called twice.
func (in *intake) close() { in.digest.Wait() }

// received is what is known of data that was read to its end.
type received struct {
	size int64
	tag  string       // MD5
	sum  checksum.Sum // none: nobody wants it
}

// finish returns what is known of the data, if it is what the client said.
func (in *intake) finish(ctx context.Context, t *target) (received, error) {
	in.digest.Wait()
	var got received
	if in.sum != nil {
		got.sum = checksum.Sum{Algorithm: in.alg, Value: in.sum()}
	}
	if in.body == nil {
		got.tag = in.data.MD5CurrentHexString() // the fork has compared it
		in.whole = true
		return got, nil
	}
	tag, f := in.tag()
	if f != nil {
		return received{}, refuse(ctx, t, f)
	}
	got.tag = hex.EncodeToString(tag)
	if want := in.data.MD5(); len(want) > 0 && !bytes.Equal(want, tag) {
		return received{}, forkhash.BadDigest{ExpectedMD5: hex.EncodeToString(want), CalculatedMD5: got.tag}
	}
	if want := in.data.SHA256(); len(want) > 0 {
		if sum := in.sha256(); !bytes.Equal(want, sum) {
			return received{}, forkhash.SHA256Mismatch{ExpectedSHA256: hex.EncodeToString(want), CalculatedSHA256: hex.EncodeToString(sum)}
		}
	}
	if f = in.body.Check(got.sum); f != nil {
		return received{}, refuse(ctx, t, f)
	}
	in.whole = true
	return got, nil
}

// tag is the MD5 of data that was read to its end, if the signatures of its chunks are right.
func (in *intake) tag() ([]byte, *front.Failure) {
	if in.chain != nil {
		return in.chain.Settle()
	}
	return in.md5(), nil
}

// sound is asked before the data appears: an error unless finish found everything right.
func (in *intake) sound() error {
	if !in.whole {
		return errNotSound
	}
	return nil
}

var errNotSound = errors.New("data of a request is to be stored that nobody has found right")

// sourceError is the first that was wrong with the source. A signature may be found wrong only after the reader has failed.
func (in *intake) sourceError() error {
	if in.chain != nil {
		in.digest.Wait()
		if f := in.chain.Mismatch(); f != nil {
			return f
		}
	}
	return in.err
}

// refuse tells the front what is wrong with a body, and returns an error for the fork that it does not log.
func refuse(ctx context.Context, t *target, f *front.Failure) error {
	front.Fail(ctx, *f)
	return minio.IncompleteBody{Bucket: t.bucket, Object: t.key}
}

// store reads a request's body to its end into the volume's store. alg is that of the checksum which must be kept, whether
// the client sends it or not; None: what the client sends is kept.
func (l *Layer) store(ctx context.Context, t *target, data *minio.PutObjReader, alg checksum.Algorithm) (*vfs.Writer, received, error) {
	in := l.intake(ctx, data, alg)
	defer in.close()
	if alg != checksum.None && in.alg != alg {
		return nil, received{}, refuse(ctx, t, &front.Failure{Status: http.StatusBadRequest, Code: "InvalidRequest",
			Message: "Checksum Type mismatch occurred, expected checksum Type: " + strings.ToLower(alg.String()) +
				", actual checksum Type: " + strings.ToLower(in.alg.String())})
	}
	w := l.writer(ctx, t, in)
	n, err := w.ReadFrom(in.source()) //nolint:contextcheck // w has the context
	switch {
	case in.err != nil:
		err = bodyError(ctx, t, in.sourceError())
	case err != nil:
		err = l.fail(ctx, t, writes, err)
	case data.Size() >= 0 && n != data.Size():
		err = minio.IncompleteBody{Bucket: t.bucket, Object: t.key} // the fork's reader does not count
	}
	var got received
	if err == nil {
		got, err = in.finish(ctx, t)
		got.size = n
	}
	if err != nil {
		w.Cancel() //nolint:contextcheck // what it removes must go even if the request has ended
		return nil, received{}, err
	}
	return w, got, nil
}

// writer stores the data of a request, which cannot appear before finish found everything right.
func (l *Layer) writer(ctx context.Context, t *target, in *intake) *vfs.Writer {
	return l.v.CreateObject(ctx, vfs.CreateOptions{Size: in.data.Size(), Park: l.park(t.bucket), Sound: in.sound})
}

// empty reads what should be a body without data to its end, and fails if there is some.
func (l *Layer) empty(ctx context.Context, t *target, data *minio.PutObjReader, alg checksum.Algorithm) (received, error) {
	if data.Size() > 0 {
		return received{}, minio.ObjectExistsAsDirectory{Bucket: t.bucket, Object: t.key}
	}
	in := l.intake(ctx, data, alg)
	defer in.close()
	switch n, err := io.CopyN(io.Discard, in, 1); {
	case n > 0:
		return received{}, minio.ObjectExistsAsDirectory{Bucket: t.bucket, Object: t.key}
	case err != io.EOF: //nolint:errorlint // io.EOF is never wrapped
		return received{}, bodyError(ctx, t, err)
	}
	return in.finish(ctx, t)
}

// bodyError is the error of a request's body. The fork knows its own types; they must not be wrapped.
func bodyError(ctx context.Context, t *target, err error) error {
	var f *front.Failure
	switch {
	case errors.As(err, &f):
		return refuse(ctx, t, f)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return minio.IncompleteBody{Bucket: t.bucket, Object: t.key}
	case errors.Is(err, context.Canceled):
		return context.Canceled
	}
	return err
}
