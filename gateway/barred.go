package gateway

import (
	"net/http"
	"strings"
	_ "unsafe" // for go:linkname

	minio "github.com/minio/minio/cmd"
	"github.com/minio/minio/cmd/jwt"
	"github.com/minio/minio/pkg/auth"
	"github.com/minio/minio/pkg/madmin"

	"juicefs/gateway/front"
)

// Keys that were made for a user are good no longer than the user. The server of 2021 removes them with the user, but lets
// temporary credentials of a user who was disabled do what they could before, and takes their tokens in the file manager
// even after they have expired.

//go:linkname forkCallerV2 github.com/minio/minio/cmd.getReqAccessKeyV2
func forkCallerV2(r *http.Request) (c auth.Credentials, root bool, code minio.APIErrorCode)

//go:linkname forkForm github.com/minio/minio/cmd.doesPolicySignatureMatch
func forkForm(fields http.Header) (auth.Credentials, minio.APIErrorCode)

// Barred implements front.Server.
func (stock) Barred(r *http.Request) bool {
	var c auth.Credentials
	var root bool
	var code minio.APIErrorCode
	switch front.SignatureOf(r) {
	case front.HeaderV4, front.QueryV4:
		c, root, code = forkCaller(r, "", forkS3) // of any region: that is for the one who checks the signature
	case front.HeaderV2, front.QueryV2:
		c, root, code = forkCallerV2(r)
	default:
		return barredToken(front.WebToken(r)) || strings.HasPrefix(r.URL.Path, "/minio/") && barredToken(r.URL.Query().Get("token"))
	}
	return code == minio.ErrNone && !root && c.ParentUser != "" && barred(c.AccessKey)
}

// VerifyForm implements front.Server.
func (stock) VerifyForm(fields map[string]string) *front.Failure {
	h := make(http.Header, len(fields))
	for name, value := range fields {
		h.Set(name, value)
	}
	c, code := forkForm(h)
	if code == minio.ErrNone && c.ParentUser != "" && barred(c.AccessKey) {
		code = minio.ErrInvalidAccessKeyID
	}
	return stockFailure(code)
}

// barredToken reports whether a token of the file manager is that of a key that is barred, or says more than the server lets
// one say. One that is not good is the server's to refuse.
func barredToken(token string) bool {
	if token == "" {
		return false
	}
	claims, root, err := forkWebToken(token)
	return err == nil && !root && (barred(claims.AccessKey) || !issued(claims))
}

// issued reports whether the server makes such tokens. It checks that of a user with the user's own secret key, so that everybody can
// make one with claims at will, and takes these for conditions of policies, the user's name among them, and for the limits of a service
// account. Those of temporary credentials are signed with the root password.
func issued(c *jwt.MapClaims) bool {
	if temporary, _, err := forkUsers.IsTempUser(c.AccessKey); err != nil || temporary {
		return err == nil
	}
	if service, _, err := forkUsers.IsServiceAccount(c.AccessKey); err != nil || service {
		return false // none can sign in
	}
	for name, value := range c.MapClaims {
		switch name {
		case "exp":
		case "sub", "accessKey":
			if value != c.AccessKey {
				return false
			}
		case "iss":
			if value != "prometheus" { // of those for metrics, which clients make
				return false
			}
		default:
			return false
		}
	}
	return true
}

// maxParents is more than there are between any key and the user that it was made for.
const maxParents = 4

// barred reports whether a key was made for somebody, and is not good any more or was made for a user who was disabled.
func barred(key string) bool {
	parent, derived := parentOf(key)
	if !derived {
		return false
	}
	if _, good := forkUsers.GetUser(key); !good {
		return true // it has expired, or the user is gone
	}
	for range maxParents {
		// A directory's users are not known here: they have no status.
		if about, err := forkUsers.GetUserInfo(parent); err == nil {
			return about.Status == madmin.AccountDisabled
		}
		if parent, derived = parentOf(parent); !derived {
			return false
		}
	}
	return false
}

// parentOf returns the user that a key was made for.
func parentOf(key string) (parent string, derived bool) {
	derived, parent, err := forkUsers.IsTempUser(key)
	if err != nil || derived {
		return parent, err == nil
	}
	derived, parent, err = forkUsers.IsServiceAccount(key)
	return parent, err == nil && derived
}
