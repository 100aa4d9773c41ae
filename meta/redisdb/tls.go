package redisdb

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// tlsConfig is what a URL says of TLS, and then what comes of it.
type tlsConfig struct {
	skipVerify                            bool
	certFile, keyFile, caFile, serverName string

	loaded *tls.Config
}

// load reads the certificates. A nil receiver has none.
func (t *tlsConfig) load() error {
	if t == nil {
		return nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.serverName}
	c.InsecureSkipVerify = t.skipVerify //nolint:gosec // only when the address asks for it
	if (t.certFile == "") != (t.keyFile == "") {
		return errors.New("a certificate and its key go together: tls-cert-file and tls-key-file")
	}
	if t.certFile != "" {
		pair, err := tls.LoadX509KeyPair(t.certFile, t.keyFile)
		if err != nil {
			return fmt.Errorf("load certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if t.caFile != "" {
		pem, err := os.ReadFile(t.caFile)
		if err != nil {
			return fmt.Errorf("load certificates of authorities: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("%s holds no certificate", t.caFile)
		}
	}
	t.loaded = c
	return nil
}

// client returns the configuration of connections; nil: plain ones.
func (t *tlsConfig) client() *tls.Config {
	if t == nil {
		return nil
	}
	return t.loaded
}
