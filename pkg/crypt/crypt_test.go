package crypt_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"juicefs/pkg/crypt"
)

// index is the part of testdata/index.json that is about encryption; the original's program made it and the files.
type index struct {
	Objects []struct {
		File        string `json:"file"`
		Algorithm   string `json:"encrypt_algo"`
		KeyFile     string `json:"key_file"`
		Passphrase  string `json:"passphrase"`
		InnerSHA256 string `json:"inner_sha256"`
		InnerSize   int    `json:"inner_size"`
		PlainSHA256 string `json:"plain_sha256"`
		PlainSize   int    `json:"plain_size"`
	} `json:"objects"`
	Secrets []struct {
		UUID        string `json:"uuid"`
		Value       string `json:"value_b64"`
		PlainSHA256 string `json:"plain_sha256"`
	} `json:"setting_secrets"`
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readIndex(t testing.TB) index {
	t.Helper()
	var x index
	if err := json.Unmarshal(readFile(t, "index.json"), &x); err != nil {
		t.Fatal(err)
	}
	return x
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func testKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := crypt.ParseKey(readFile(t, "keys/rsa2048.pem"), "")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestObjectsOfTheOriginal(t *testing.T) {
	opened := 0
	for _, o := range readIndex(t).Objects {
		if o.Algorithm == "" {
			continue
		}
		t.Run(filepath.Base(o.File), func(t *testing.T) {
			key, err := crypt.ParseKey(readFile(t, o.KeyFile), o.Passphrase)
			if err == nil {
				var e *crypt.Envelope
				if e, err = crypt.New(o.Algorithm, key); err == nil {
					sealed := readFile(t, o.File)
					checkOpens(t, e, sealed, o.InnerSHA256, o.PlainSHA256)
					opened++
					return
				}
			}
			if o.Algorithm != crypt.SM4GCM || !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(strings.ToLower(err.Error()), "sm") {
				t.Errorf("got %v", err)
			}
		})
	}
	if opened != 7 {
		t.Errorf("%d vectors were opened", opened)
	}
}

func checkOpens(t *testing.T, e *crypt.Envelope, sealed []byte, digests ...string) {
	t.Helper()
	plain, err := e.Open(nil, sealed)
	if err != nil {
		t.Fatal(err)
	}
	if got := digest(plain); got != digests[0] && got != digests[1] {
		t.Errorf("got %d bytes with digest %s", len(plain), got)
	}
	if len(sealed) != len(plain)+e.Overhead() {
		t.Errorf("overhead is %d, said to be %d", len(sealed)-len(plain), e.Overhead())
	}
	prefixed, err := e.Open([]byte("before"), sealed)
	if err != nil || string(prefixed) != "before"+string(plain) {
		t.Errorf("appended: got %d bytes, %v", len(prefixed), err)
	}
	inPlace := bytes.Clone(sealed)
	got, err := e.Open(inPlace[:0], inPlace)
	if err != nil || !bytes.Equal(got, plain) {
		t.Errorf("in place: got %d bytes, %v", len(got), err)
	}
}

func TestSealThenOpen(t *testing.T) {
	for _, algorithm := range []string{"", crypt.AESGCM, crypt.ChaCha20, "AES256GCM-RSA"} {
		e, err := crypt.New(algorithm, testKey(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{0, 1, 24, 5000, 1 << 20} {
			plain := bytes.Repeat([]byte("x"), size)
			a, err := e.Seal(nil, plain)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(a, []byte{1, 0, 12}) || len(a) != size+287 {
				t.Errorf("%d bytes became %d bytes % x", size, len(a), a[:3])
			}
			checkOpens(t, e, a, digest(plain), "")
			b, err := e.Seal([]byte("before"), plain)
			if err != nil || !bytes.HasPrefix(b, []byte("before")) || bytes.Equal(b[6:], a) {
				t.Errorf("sealed twice: %v", err)
			}
		}
	}
}

func TestSealAtOnce(t *testing.T) {
	e, err := crypt.New("", testKey(t))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			plain := bytes.Repeat([]byte{byte(g)}, 1000)
			for range 10 {
				sealed, err := e.Seal(nil, plain)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := e.Open(nil, sealed); err != nil || !bytes.Equal(got, plain) {
					t.Errorf("got %d bytes, %v", len(got), err)
				}
			}
		})
	}
	wg.Wait()
}

func TestDamageIsNoticed(t *testing.T) {
	e, err := crypt.New("", testKey(t))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := e.Seal(nil, []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(sealed) {
		if n%7 == 0 || n < 4 || n == len(sealed)-1 {
			if _, err = e.Open(nil, sealed[:n]); !errors.Is(err, crypt.ErrDamaged) {
				t.Errorf("first %d bytes: got %v", n, err)
			}
		}
	}
	for i := range sealed {
		if i%11 != 0 && i > 3 && i < len(sealed)-25 {
			continue
		}
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err = e.Open(nil, bad); !errors.Is(err, crypt.ErrDamaged) {
			t.Errorf("byte %d changed: got %v", i, err)
		}
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := crypt.New("", other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wrong.Open(nil, sealed); !errors.Is(err, crypt.ErrDamaged) {
		t.Errorf("another key: got %v", err)
	}
}

func TestParseKey(t *testing.T) {
	want := testKey(t)
	for name, passphrase := range map[string]string{"rsa2048.pem": "not needed", "rsa2048-enc-pkcs1.pem": "testpass", "rsa2048-enc-pkcs8.pem": "testpass"} {
		got, err := crypt.ParseKey(readFile(t, "keys/"+name), passphrase)
		if err != nil || got.N.BitLen() != 2048 {
			t.Errorf("%s: %v", name, err)
		}
		if name == "rsa2048.pem" {
			continue
		}
		if _, err := crypt.ParseKey(readFile(t, "keys/"+name), ""); !errors.Is(err, crypt.ErrPassphraseNeeded) {
			t.Errorf("%s without a passphrase: %v", name, err)
		}
		if _, err := crypt.ParseKey(readFile(t, "keys/"+name), "wrong"); !errors.Is(err, crypt.ErrPassphraseWrong) {
			t.Errorf("%s with a wrong passphrase: %v", name, err)
		}
	}
	der, err := x509.MarshalPKCS8PrivateKey(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := crypt.ParseKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), "")
	if err != nil || !got.Equal(want) {
		t.Errorf("plain PKCS #8: %v", err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if der, err = x509.MarshalPKCS8PrivateKey(ec); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"P-256": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), "SM2": readFile(t, "keys/sm2.pem"),
		"public": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
	} {
		if _, err := crypt.ParseKey(text, ""); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, text := range []string{"", "no key", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"} {
		if _, err := crypt.ParseKey([]byte(text), ""); err == nil {
			t.Errorf("%q is a key", text)
		}
	}
	if _, err := crypt.New("", nil); err == nil {
		t.Error("an envelope without a key")
	}
	if _, err := crypt.New("rot13", want); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}

func TestSecretsOfTheOriginal(t *testing.T) {
	for _, s := range readIndex(t).Secrets {
		got, err := crypt.OpenSecret(s.UUID, s.Value)
		if err != nil || digest([]byte(got)) != s.PlainSHA256 {
			t.Errorf("%s: got %d bytes, %v", s.UUID, len(got), err)
		}
		again, err := crypt.SealSecret(s.UUID, got)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := crypt.OpenSecret(s.UUID, again); err != nil || back != got {
			t.Errorf("sealed again: %v", err)
		}
		for _, bad := range []string{"", "%", "AAAA", again[:len(again)-8], "AAAA" + again} {
			if _, err := crypt.OpenSecret(s.UUID, bad); !errors.Is(err, crypt.ErrDamaged) {
				t.Errorf("%.10q: got %v", bad, err)
			}
		}
		if _, err := crypt.OpenSecret("another", again); !errors.Is(err, crypt.ErrDamaged) {
			t.Errorf("another volume: got %v", err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	for _, o := range readIndex(f).Objects {
		if o.Algorithm != "" && o.Algorithm != crypt.SM4GCM && o.PlainSize < 100 {
			f.Add(readFile(f, o.File))
		}
	}
	e, err := crypt.New("", testKey(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, sealed []byte) {
		plain, err := e.Open(nil, sealed)
		if err != nil && !errors.Is(err, crypt.ErrDamaged) {
			t.Errorf("got %v", err)
		}
		if err == nil && len(plain)+e.Overhead() != len(sealed) {
			t.Errorf("%d bytes opened as %d", len(sealed), len(plain))
		}
	})
}

func FuzzParseKey(f *testing.F) {
	for _, name := range []string{"rsa2048.pem", "rsa2048-enc-pkcs1.pem", "rsa2048-enc-pkcs8.pem", "sm2.pem"} {
		f.Add(readFile(f, "keys/"+name))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if key, err := crypt.ParseKey(text, "testpass"); (key == nil) == (err == nil) {
			t.Errorf("got %v and %v", key, err)
		}
	})
}

func FuzzOpenSecret(f *testing.F) {
	for _, s := range readIndex(f).Secrets {
		f.Add(s.UUID, s.Value)
	}
	f.Fuzz(func(t *testing.T, uuid, sealed string) {
		if _, err := crypt.OpenSecret(uuid, sealed); err != nil && !errors.Is(err, crypt.ErrDamaged) {
			t.Errorf("got %v", err)
		}
	})
}

func benchmark(b *testing.B, algorithm string, size int, open bool) {
	e, err := crypt.New(algorithm, testKey(b))
	if err != nil {
		b.Fatal(err)
	}
	plain := make([]byte, size)
	sealed, err := e.Seal(nil, plain)
	if err != nil {
		b.Fatal(err)
	}
	scratch := make([]byte, len(sealed))
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		if open {
			_, err = e.Open(scratch[:0], sealed)
		} else {
			_, err = e.Seal(scratch[:0], plain)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSeal4K(b *testing.B)   { benchmark(b, crypt.AESGCM, 4<<10, false) }
func BenchmarkSeal4M(b *testing.B)   { benchmark(b, crypt.AESGCM, 4<<20, false) }
func BenchmarkOpen4K(b *testing.B)   { benchmark(b, crypt.AESGCM, 4<<10, true) }
func BenchmarkOpen4M(b *testing.B)   { benchmark(b, crypt.AESGCM, 4<<20, true) }
func BenchmarkChaCha4M(b *testing.B) { benchmark(b, crypt.ChaCha20, 4<<20, false) }
