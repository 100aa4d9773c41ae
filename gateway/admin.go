package gateway

import (
	"bytes"
	"io"
	"net/http"
	_ "unsafe" // for go:linkname

	minio "github.com/minio/minio/cmd"
	"github.com/minio/minio/cmd/config/identity/ldap"
	"github.com/minio/minio/pkg/auth"
	"github.com/minio/minio/pkg/madmin"

	"juicefs/gateway/front"
)

//go:linkname forkCaller github.com/minio/minio/cmd.getReqAccessKeyV4
func forkCaller(r *http.Request, region string, service forkService) (c auth.Credentials, root bool, code minio.APIErrorCode)

//go:linkname forkLDAP github.com/minio/minio/cmd.globalLDAPConfig
var forkLDAP ldap.Config

// takesLDAP reports whether passwords of a directory are taken. The server has its settings when it is asked.
func takesLDAP() bool { return forkLDAP.Enabled }

var _ front.Admin = stock{}

// Caller implements front.Admin.
func (stock) Caller(r *http.Request) (front.Identity, bool) {
	c, root, code := forkCaller(r, forkRegion, forkS3)
	return identity(c, root), code == minio.ErrNone
}

// Known implements front.Admin.
func (stock) Known(accessKey string) (known, derived bool) {
	if _, root, _ := forkCredentials(accessKey); root { // which loads the others
		return true, false
	}
	_, derived = parentOf(accessKey)
	_, _, err := forkUsers.IsTempUser(accessKey)
	return err == nil, derived
}

// Seal implements front.Admin.
func (stock) Seal(secret string, data []byte) ([]byte, error) {
	return madmin.EncryptData(secret, data)
}

// Unseal implements front.Admin.
func (stock) Unseal(secret string, data []byte) ([]byte, error) {
	return madmin.DecryptData(secret, io.LimitReader(bytes.NewReader(data), int64(len(data))))
}

func identity(c auth.Credentials, root bool) front.Identity {
	return front.Identity{AccessKey: c.AccessKey, SecretKey: c.SecretKey, SessionToken: c.SessionToken, Parent: c.ParentUser, Root: root}
}
