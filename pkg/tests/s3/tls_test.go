package s3

import (
	"testing"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

func TestHTTPS(t *testing.T) {
	t.Parallel()
	p := oracle.Ours(t)
	g := oracle.Start(t, p, oracle.Format(t, p, oracle.FormatOptions{}), oracle.GatewayOptions{Flags: everything, TLS: oracle.NewCertificate(t)})
	c := use(t, g)
	data := noise(6 << 20)
	c.put("a/b", data, minio.PutObjectOptions{})
	c.same("data", md5Hex(c.get("a/b")), md5Hex(data))
	mc := oracle.MC2021(t, map[string]*oracle.Gateway{"x": g})
	mc.Must(t, "stat", "x/"+c.bucket+"/a/b")
}
