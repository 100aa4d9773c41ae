package crypt

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

var (
	// ErrPassphraseNeeded is wrapped by ParseKey when a key is protected and no passphrase was given.
	ErrPassphraseNeeded = errors.New("the key is protected by a passphrase")
	// ErrPassphraseWrong is wrapped by ParseKey when the passphrase does not open the key.
	ErrPassphraseWrong = errors.New("decryption password incorrect")
)

// ParseKey reads an RSA key in PEM: PKCS #1, PKCS #8, and both forms with a passphrase. A passphrase for a key that is not
// protected is ignored. Keys of other kinds are errors.ErrUnsupported by name; errors never contain the key.
func ParseKey(text []byte, passphrase string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the key is not in PEM")
	}
	der, kind := block.Bytes, block.Type
	switch {
	case kind == "ENCRYPTED PRIVATE KEY":
		if passphrase == "" {
			return nil, ErrPassphraseNeeded
		}
		var err error
		if der, err = openPKCS8(der, passphrase); err != nil {
			return nil, err
		}
		kind = "PRIVATE KEY"
	case x509.IsEncryptedPEMBlock(block): //nolint:staticcheck // weak, but volumes have such keys
		if passphrase == "" {
			return nil, ErrPassphraseNeeded
		}
		var err error
		if der, err = x509.DecryptPEMBlock(block, []byte(passphrase)); err != nil { //nolint:staticcheck // as above
			return nil, fmt.Errorf("%w: %w", ErrPassphraseWrong, err)
		}
	}
	switch kind {
	case "RSA PRIVATE KEY":
		key, err := x509.ParsePKCS1PrivateKey(der)
		if err != nil {
			return nil, fmt.Errorf("parse key: %w", err)
		}
		return key, nil
	case "PRIVATE KEY":
		return parsePKCS8(der)
	default:
		return nil, fmt.Errorf("key of type %q: %w", kind, errors.ErrUnsupported)
	}
}

func parsePKCS8(der []byte) (*rsa.PrivateKey, error) {
	if isSM2(der) {
		return nil, fmt.Errorf("SM2 key: %w", errors.ErrUnsupported)
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("parse key: %w", err)
	}
	r, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("key of type %T: %w", key, errors.ErrUnsupported)
	}
	return r, nil
}
