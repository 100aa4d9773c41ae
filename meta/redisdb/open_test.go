package redisdb_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"juicefs/meta/engine"
	"juicefs/meta/redisdb"
	"juicefs/pkg/tests/redistest"
)

// works opens a URL, writes and reads.
func works(t *testing.T, url string) {
	t.Helper()
	e := open(t, url)
	defer closeEngine(t, e)
	if err := put(t, e, "a"); err != nil {
		t.Errorf("%s: %v", url, err)
	}
	if !has(t, e, "a") {
		t.Errorf("%s: what was written is not there", url)
	}
}

func TestOpenUnixSocket(t *testing.T) {
	s := redistest.Start(t)
	if s.Socket == "" {
		t.Fatal("the test's folder has too long a name for a socket")
	}
	works(t, "unix://"+s.Socket+"?db=3")
	if n, err := client(t, s, 3).DBSize(t.Context()).Result(); err != nil || n == 0 {
		t.Errorf("database 3 has %d keys, %v", n, err)
	}
}

func TestOpenWithPassword(t *testing.T) {
	s := redistest.Start(t, "--requirepass", "s3/cr@t:x")
	works(t, "redis://:s3%2Fcr%40t%3Ax@"+s.Addr+"/1")
	works(t, "redis://default:s3%2Fcr%40t%3Ax@"+s.Addr+"/2")
	for _, url := range []string{"redis://:wrongsecret@" + s.Addr + "/1", "redis://u:wrongsecret@" + s.Addr + "/1", "redis://" + s.Addr + "/1"} {
		_, err := redisdb.Open(t.Context(), url, engine.Options{})
		if err == nil || errors.Is(err, engine.ErrBusy) || strings.Contains(err.Error(), "wrongsecret") {
			t.Errorf("%s: got %v, want a refusal at once, without the password", url, err)
		}
	}
}

func TestOpenUnderASentinelWithPasswords(t *testing.T) {
	g := redistest.StartGuardedSentinel(t, "s3cr@t", "w/tch")
	_, watcher, _ := strings.Cut(g.URL(3), "://")
	works(t, "redis://:s3cr%40t@"+watcher+"?sentinel-password=w%2Ftch")
	works(t, "redis://default:s3cr%40t@"+strings.Replace(watcher, "/3", "/4", 1)+"?sentinel_username=default&sentinel_password=w%2Ftch")
	if n := g.Master.Do(t, "INFO", "keyspace"); !strings.Contains(fmt.Sprint(n), "db3:") {
		t.Errorf("database 3 has no keys: %v", n)
	}
	for _, rest := range []string{"redis://:s3cr%40t@" + watcher, "redis://:s3cr%40t@" + watcher + "?sentinel-password=wrongsecret", "redis://:wrongsecret@" + watcher + "?sentinel-password=w%2Ftch"} {
		if _, err := redisdb.Open(t.Context(), rest, engine.Options{Retries: 1}); err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "s3cr") {
			t.Errorf("%s: got %v, want an error without the password", rest, err)
		}
	}
}

func TestOpenFindsACluster(t *testing.T) {
	c := redistest.StartCluster(t)
	for _, s := range c.Nodes {
		works(t, "redis://"+s.Addr+"/5")
		if n := openKeys(t, c, "{5}*"); n == 0 {
			t.Error("no key has the prefix")
		}
		for _, node := range c.Nodes {
			node.Do(t, "FLUSHALL")
		}
	}
}

// openKeys counts keys of all nodes that match.
func openKeys(t *testing.T, c *redistest.Cluster, pattern string) int {
	t.Helper()
	n := 0
	for _, s := range c.Nodes {
		keys, err := client(t, s, 0).Keys(t.Context(), pattern).Result()
		if err != nil {
			t.Fatal(err)
		}
		n += len(keys)
	}
	return n
}

func TestOpenWithoutServerIsBusy(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{"redis://" + addr, "redis://" + addr + "," + addr, "redis://boss," + addr, "unix://" + filepath.Join(t.TempDir(), "none")} {
		if _, err := redisdb.Open(t.Context(), url, engine.Options{Retries: 1}); !errors.Is(err, engine.ErrBusy) {
			t.Errorf("%s: %v, want busy", url, err)
		}
	}
}

func TestOpenWithTLS(t *testing.T) {
	dir := t.TempDir()
	ca := makeCert(t, dir, "ca", nil)
	makeCert(t, dir, "server", ca)
	makeCert(t, dir, "client", ca)
	file := func(name string) string { return filepath.Join(dir, name) }
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(addr)
	redistest.Start(t, "--tls-port", port, "--tls-cert-file", file("server.crt"), "--tls-key-file", file("server.key"), "--tls-ca-cert-file", file("ca.crt"), "--tls-auth-clients", "yes")
	pair := "tls-cert-file=" + file("client.crt") + "&tls-key-file=" + file("client.key")
	works(t, "rediss://"+addr+"/1?"+pair+"&tls-ca-cert-file="+file("ca.crt"))
	works(t, "rediss://"+addr+"/2?"+pair+"&insecure-skip-verify=true")
	works(t, "rediss://"+addr+"/3?"+pair+"&tls-ca-cert-file="+file("ca.crt")+"&tls-server-name=localhost")
	for _, options := range []string{"", pair, pair + "&tls-ca-cert-file=" + file("ca.crt") + "&tls-server-name=elsewhere"} {
		if _, err := redisdb.Open(t.Context(), "rediss://"+addr+"/1?"+options, engine.Options{Retries: 1}); err == nil {
			t.Errorf("options %q: no error", options)
		}
	}
}

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// makeCert writes a certificate and its key; without an authority it is one.
func makeCert(t *testing.T, dir, name string, by *authority) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true, IsCA: by == nil,
	}
	signer := by
	if by == nil {
		signer = &authority{c, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, signer.cert, &key.PublicKey, signer.key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for suffix, block := range map[string]*pem.Block{".crt": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "EC PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name+suffix), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &authority{c, key}
}
