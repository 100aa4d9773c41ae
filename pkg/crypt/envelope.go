package crypt

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// Names of algorithms, as they are in a volume's setting.
const (
	AESGCM    = "aes256gcm-rsa" // also ""
	ChaCha20  = "chacha20-rsa"
	SM4GCM    = "sm4gcm" // not implemented
	keySize   = 32
	nonceSize = 12
	head      = 3 // bytes before the wrapped key
)

// ErrDamaged is wrapped when sealed bytes cannot be what Seal made: too short, changed, or sealed with another key.
var ErrDamaged = errors.New("sealed data is damaged or of another key")

// label is the OAEP label of wrapped keys.
const label = "keys"

// Envelope seals and opens objects. Its methods may be called from several goroutines at once.
//
// Format: 2 bytes length of the wrapped key, big-endian; 1 byte length of the nonce; wrapped key; nonce; ciphertext with
// its 16 bytes tag; no additional data. The key is wrapped with RSA-OAEP, SHA-256 for both hashes, label "keys". juicefs
// 1.4.1; objects/none-aes256gcm-rsa-rsa2048-hello.txt.bin.
type Envelope struct {
	key  *rsa.PrivateKey
	aead func(key []byte) (cipher.AEAD, error)
}

// New makes an envelope for a volume's algorithm ("" is AESGCM, case does not matter) and key. An algorithm that is not
// implemented is errors.ErrUnsupported by name.
func New(algorithm string, key *rsa.PrivateKey) (*Envelope, error) {
	if key == nil {
		return nil, errors.New("encryption needs a key")
	}
	e := &Envelope{key: key}
	switch strings.ToLower(algorithm) {
	case "", AESGCM:
		e.aead = newAESGCM
	case ChaCha20:
		e.aead = chacha20poly1305.New
	case SM4GCM:
		return nil, fmt.Errorf("encryption %s: %w", SM4GCM, errors.ErrUnsupported)
	default:
		return nil, fmt.Errorf("encryption %q is not known: %w", algorithm, errors.ErrUnsupported)
	}
	return e, nil
}

func newAESGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Overhead is the number of bytes that Seal adds.
func (e *Envelope) Overhead() int { return head + e.key.Size() + nonceSize + 16 }

// Seal appends the sealed form of plain to dst, which must not overlap plain.
func (e *Envelope) Seal(dst, plain []byte) ([]byte, error) {
	var secret [keySize + nonceSize]byte
	_, _ = rand.Read(secret[:]) // never fails
	key, nonce := secret[:keySize], secret[keySize:]
	wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, &e.key.PublicKey, key, []byte(label))
	if err != nil {
		return nil, fmt.Errorf("wrap key: %w", err)
	}
	aead, err := e.aead(key)
	if err != nil {
		return nil, err
	}
	if need := len(dst) + len(plain) + e.Overhead(); cap(dst) < need {
		dst = append(make([]byte, 0, need), dst...)
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(wrapped)))
	dst = append(dst, byte(len(nonce)))
	dst = append(dst, wrapped...)
	dst = append(dst, nonce...)
	return aead.Seal(dst, nonce, plain, nil), nil
}

// Open appends the content of sealed to dst. dst may be sealed[:0]: then sealed is destroyed and nothing is allocated for
// the content. Damage and wrong keys are ErrDamaged.
func (e *Envelope) Open(dst, sealed []byte) ([]byte, error) {
	wrapped, nonce, text, err := split(sealed)
	if err != nil {
		return nil, err
	}
	key, err := rsa.DecryptOAEP(sha256.New(), nil, e.key, wrapped, []byte(label))
	if err != nil {
		return nil, fmt.Errorf("unwrap key: %w: %w", ErrDamaged, err)
	}
	aead, err := e.aead(key)
	if err != nil {
		return nil, fmt.Errorf("key of %d bytes: %w: %w", len(key), ErrDamaged, err)
	}
	if len(nonce) != aead.NonceSize() {
		return nil, fmt.Errorf("nonce of %d bytes: %w", len(nonce), ErrDamaged)
	}
	if len(dst) == 0 && cap(dst) > 0 && &dst[:1][0] == &sealed[0] {
		// In place the content has to begin where its ciphertext does.
		dst = text[:0]
	}
	plain, err := aead.Open(dst, nonce, text, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return plain, nil
}

// split cuts sealed bytes into their parts.
func split(sealed []byte) (wrapped, nonce, text []byte, err error) {
	if len(sealed) < head {
		return nil, nil, nil, fmt.Errorf("%d bytes: %w", len(sealed), ErrDamaged)
	}
	k, n := int(binary.BigEndian.Uint16(sealed)), int(sealed[2])
	rest := sealed[head:]
	if len(rest) < k+n {
		return nil, nil, nil, fmt.Errorf("key of %d and nonce of %d in %d bytes: %w", k, n, len(rest), ErrDamaged)
	}
	return rest[:k], rest[k : k+n], rest[k+n:], nil
}
