package crypt

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5" // given by the format
	"crypto/rand"
	"encoding/base64"
	"fmt"
)

// SealSecret hides a secret of a volume's setting with the volume's UUID. It keeps it from being read by chance only:
// whoever has the setting has the UUID as well.
//
// Format: base64 of 12 bytes nonce and AES-128-GCM ciphertext with its tag, the key is the MD5 of the UUID's text. juicefs
// 1.4.1; setting_secrets in the vectors.
func SealSecret(uuid, secret string) (string, error) {
	aead, err := secretCipher(uuid)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, nonceSize, nonceSize+len(secret)+aead.Overhead())
	_, _ = rand.Read(nonce) // never fails
	return base64.StdEncoding.EncodeToString(aead.Seal(nonce, nonce, []byte(secret), nil)), nil
}

// OpenSecret returns a secret that SealSecret hid. What is damaged or of another volume is ErrDamaged.
func OpenSecret(uuid, sealed string) (string, error) {
	aead, err := secretCipher(uuid)
	if err != nil {
		return "", err
	}
	b, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return "", fmt.Errorf("secret: %w: %w", ErrDamaged, err)
	}
	if len(b) < nonceSize {
		return "", fmt.Errorf("secret of %d bytes: %w", len(b), ErrDamaged)
	}
	plain, err := aead.Open(nil, b[:nonceSize], b[nonceSize:], nil)
	if err != nil {
		return "", fmt.Errorf("secret: %w: %w", ErrDamaged, err)
	}
	return string(plain), nil
}

func secretCipher(uuid string) (cipher.AEAD, error) {
	key := md5.Sum([]byte(uuid)) // given by the format
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
