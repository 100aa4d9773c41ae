package s3

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

// TestAGetSeesOneVersion: a client that has only begun to read gets the object that it asked for to its end, whatever becomes of the
// key at this gateway meanwhile, without a trash. When nobody reads it any more its data goes.
func TestAGetSeesOneVersion(t *testing.T) {
	t.Parallel()
	const size = 32 * mib // more than sockets hold
	g := serve(t, everything...)
	c := use(t, g)
	other := noise(5*mib + 3)
	c.put("other", other, minio.PutObjectOptions{})
	changes := map[string]func(key string){
		"removed":           func(key string) { must(t, c.RemoveObject(t.Context(), c.bucket, key, minio.RemoveObjectOptions{})) },
		"removed with more": func(key string) { c.deleteMany(false, "none", key) },
		"replaced":          func(key string) { c.put(key, other, minio.PutObjectOptions{}) },
		"replaced twice": func(key string) {
			c.put(key, nil, minio.PutObjectOptions{})
			c.put(key, other, minio.PutObjectOptions{})
		},
		"replaced by a copy": func(key string) {
			c.expect(200, "", "PUT", c.bucket+"/"+key, nil, "X-Amz-Copy-Source", c.bucket+"/other")
		},
		"replaced by parts": func(key string) {
			id := c.begin(key, minio.PutObjectOptions{})
			must(t, c.complete(key, id, c.part(key, id, 1, other)))
		},
	}
	for name, change := range changes {
		key := "d/" + string(bytes.ReplaceAll([]byte(name), []byte(" "), []byte("-")))
		data := noise(size + len(key))
		c.put(key, data, minio.PutObjectOptions{})
		body, info, _, err := c.GetObject(t.Context(), c.bucket, key, minio.GetObjectOptions{})
		must(t, err)
		got := make([]byte, 100)
		_, err = io.ReadFull(body, got)
		must(t, err)
		change(key)
		rest, err := io.ReadAll(body)
		must(t, errors.Join(err, body.Close()))
		if got = append(got, rest...); !bytes.Equal(got, data) || info.ETag != md5Hex(data) {
			t.Errorf("%s: %d other bytes, want %d", name, len(got), len(data))
		}
		c.same(name+": still there", c.there(key), name != "removed" && name != "removed with more")
	}
	g.Volume.Settle(t, time.Minute)
	g.Stop(t)
	oracle.Judge(t, g.Volume)
}
