package main

import (
	"errors"
	"fmt"

	"juicefs/meta/record"
	"juicefs/pkg/crypt"
	"juicefs/pkg/object"
)

// passphraseEnv names the variable with the passphrase of a volume's key.
const passphraseEnv = "JFS_RSA_PASSPHRASE"

// cipher returns what seals the objects of a volume, nil if nothing does. The key in the setting is in clear.
func (p *program) cipher(s *record.Setting) (object.Cipher, error) {
	if s.EncryptKey == "" {
		return nil, nil
	}
	key, err := crypt.ParseKey([]byte(s.EncryptKey), p.getenv(passphraseEnv))
	if err != nil {
		if errors.Is(err, crypt.ErrPassphraseNeeded) {
			return nil, fmt.Errorf("passphrase is required to private key, please try again after setting the '%s' environment variable", passphraseEnv)
		}
		return nil, fmt.Errorf("load private key: %w", err)
	}
	return crypt.New(s.EncryptAlgo, key)
}
