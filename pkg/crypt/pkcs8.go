package crypt

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des" // older keys are protected with it
	"crypto/pbkdf2"
	"crypto/sha1" // the default hash of the standard
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"
)

// maxIterations bounds the work that a key file can ask for; OpenSSL writes 2048, careful people up to a million.
const maxIterations = 10_000_000

// The structures of PKCS #8 with PBES2 (RFC 5958, RFC 8018).
type (
	encryptedKey struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	pbes2 struct{ KDF, Cipher pkix.AlgorithmIdentifier }

	pbkdf2Params struct {
		Salt       []byte
		Iterations int
		KeyLength  int                      `asn1:"optional"`
		PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
	}
	privateKey struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Key       []byte
	}
)

func oid(last ...int) asn1.ObjectIdentifier { return last }

// cipherOf returns the block cipher and the length of its key by its number.
func cipherOf(id asn1.ObjectIdentifier) (func([]byte) (cipher.Block, error), int, error) {
	switch {
	case id.Equal(oid(2, 16, 840, 1, 101, 3, 4, 1, 2)):
		return aes.NewCipher, 16, nil
	case id.Equal(oid(2, 16, 840, 1, 101, 3, 4, 1, 22)):
		return aes.NewCipher, 24, nil
	case id.Equal(oid(2, 16, 840, 1, 101, 3, 4, 1, 42)):
		return aes.NewCipher, 32, nil
	case id.Equal(oid(1, 2, 840, 113549, 3, 7)):
		return des.NewTripleDESCipher, 24, nil
	}
	return nil, 0, fmt.Errorf("key protected by cipher %v: %w", id, errors.ErrUnsupported)
}

// hashOf returns the hash of the key derivation by its number; none is SHA-1.
func hashOf(id asn1.ObjectIdentifier) (func() hash.Hash, error) {
	switch {
	case len(id) == 0, id.Equal(oid(1, 2, 840, 113549, 2, 7)):
		return sha1.New, nil
	case id.Equal(oid(1, 2, 840, 113549, 2, 9)):
		return sha256.New, nil
	case id.Equal(oid(1, 2, 840, 113549, 2, 10)):
		return sha512.New384, nil
	case id.Equal(oid(1, 2, 840, 113549, 2, 11)):
		return sha512.New, nil
	}
	return nil, fmt.Errorf("key protected with hash %v: %w", id, errors.ErrUnsupported)
}

// unmarshal parses all of der.
func unmarshal(der []byte, into any) error {
	rest, err := asn1.Unmarshal(der, into)
	if err == nil && len(rest) > 0 {
		err = errors.New("trailing data")
	}
	if err != nil {
		return fmt.Errorf("parse protected key: %w", err)
	}
	return nil
}

// openPKCS8 returns the PKCS #8 key inside a protected one.
func openPKCS8(der []byte, passphrase string) ([]byte, error) {
	var outer encryptedKey
	if err := unmarshal(der, &outer); err != nil {
		return nil, err
	}
	if !outer.Algorithm.Algorithm.Equal(oid(1, 2, 840, 113549, 1, 5, 13)) {
		return nil, fmt.Errorf("key protected by scheme %v: %w", outer.Algorithm.Algorithm, errors.ErrUnsupported)
	}
	var scheme pbes2
	if err := unmarshal(outer.Algorithm.Parameters.FullBytes, &scheme); err != nil {
		return nil, err
	}
	if !scheme.KDF.Algorithm.Equal(oid(1, 2, 840, 113549, 1, 5, 12)) {
		return nil, fmt.Errorf("key protected with key derivation %v: %w", scheme.KDF.Algorithm, errors.ErrUnsupported)
	}
	newCipher, size, err := cipherOf(scheme.Cipher.Algorithm)
	if err != nil {
		return nil, err
	}
	key, err := derive(scheme.KDF.Parameters.FullBytes, passphrase, size)
	if err != nil {
		return nil, err
	}
	block, err := newCipher(key)
	if err != nil {
		return nil, err
	}
	var iv []byte
	if err := unmarshal(scheme.Cipher.Parameters.FullBytes, &iv); err != nil {
		return nil, err
	}
	return openCBC(block, iv, outer.Data)
}

func derive(params []byte, passphrase string, size int) ([]byte, error) {
	var p pbkdf2Params
	if err := unmarshal(params, &p); err != nil {
		return nil, err
	}
	if p.Iterations < 1 || p.Iterations > maxIterations {
		return nil, fmt.Errorf("parse protected key: %d iterations", p.Iterations)
	}
	newHash, err := hashOf(p.PRF.Algorithm)
	if err != nil {
		return nil, err
	}
	return pbkdf2.Key(newHash, passphrase, p.Salt, p.Iterations, size)
}

// openCBC decrypts and takes the padding off. Since nothing else tells a wrong passphrase, the content has to look like a
// key as well.
func openCBC(block cipher.Block, iv, data []byte) ([]byte, error) {
	size := block.BlockSize()
	if len(iv) != size || len(data) == 0 || len(data)%size != 0 {
		return nil, errors.New("parse protected key: wrong lengths")
	}
	out := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, data)
	pad := int(out[len(out)-1])
	if pad < 1 || pad > size || !bytes.Equal(out[len(out)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil, ErrPassphraseWrong
	}
	out = out[:len(out)-pad]
	var key privateKey
	if _, err := asn1.Unmarshal(out, &key); err != nil {
		return nil, ErrPassphraseWrong
	}
	return out, nil
}

// isSM2 reports whether der is a PKCS #8 key on the SM2 curve.
func isSM2(der []byte) bool {
	var key privateKey
	if _, err := asn1.Unmarshal(der, &key); err != nil {
		return false
	}
	var curve asn1.ObjectIdentifier
	_, err := asn1.Unmarshal(key.Algorithm.Parameters.FullBytes, &curve)
	return err == nil && curve.Equal(oid(1, 2, 156, 10197, 1, 301))
}
