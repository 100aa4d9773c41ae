package gateway

import (
	"context"
	"net/http"
	_ "unsafe" // for go:linkname

	minio "github.com/minio/minio/cmd"
	"github.com/minio/minio/pkg/auth"
	"github.com/minio/minio/pkg/bucket/policy"

	"juicefs/gateway/front"
)

// What the front asks of the server: the fork's own functions decide, so that the two never differ. They are private to it;
// hook_test.go pins the version.

// forkService is the service that a signature is for.
type forkService string

const forkS3 forkService = "s3"

//go:linkname forkErrors github.com/minio/minio/cmd.errorCodes
var forkErrors map[minio.APIErrorCode]minio.APIError

//go:linkname forkRegion github.com/minio/minio/cmd.globalServerRegion
var forkRegion string

//go:linkname forkCredentials github.com/minio/minio/cmd.checkKeyValid
func forkCredentials(accessKey string) (c auth.Credentials, root bool, code minio.APIErrorCode)

//go:linkname forkVerifyV4 github.com/minio/minio/cmd.reqSignatureV4Verify
func forkVerifyV4(r *http.Request, region string, service forkService) minio.APIErrorCode

//go:linkname forkVerifyV2 github.com/minio/minio/cmd.isReqAuthenticatedV2
func forkVerifyV2(r *http.Request) minio.APIErrorCode

//go:linkname forkAllow github.com/minio/minio/cmd.checkRequestAuthType
func forkAllow(ctx context.Context, r *http.Request, action policy.Action, bucket, object string) minio.APIErrorCode

// stock is the server beneath the front.
type stock struct{}

var _ front.Server = stock{}

// Verify implements front.Server.
func (stock) Verify(r *http.Request) *front.Failure {
	query := r.URL.Query()
	if query.Has("AWSAccessKeyId") || isV2(r.Header.Get("Authorization")) {
		return stockFailure(forkVerifyV2(r))
	}
	return stockFailure(forkVerifyV4(r, forkRegion, forkS3))
}

// isV2 reports whether an Authorization header is of signature version 2.
func isV2(authorization string) bool {
	return len(authorization) > 4 && authorization[:4] == "AWS "
}

// Allow implements front.Server.
func (stock) Allow(r *http.Request, action, bucket, key string) *front.Failure {
	return stockFailure(forkAllow(r.Context(), r, policy.Action(action), bucket, key))
}

// Identity implements front.Server.
func (stock) Identity(accessKey string) (front.Identity, bool) {
	c, root, code := forkCredentials(accessKey)
	if code != minio.ErrNone {
		return front.Identity{}, false
	}
	return identity(c, root), true
}

// Region implements front.Server.
func (stock) Region() string { return forkRegion }

// stockFailure is the reply to an error of the server's own checks; nil if there is none.
func stockFailure(code minio.APIErrorCode) *front.Failure {
	if code == minio.ErrNone {
		return nil
	}
	e, ok := forkErrors[code]
	if !ok {
		e = forkErrors[minio.ErrInternalError]
	}
	return &front.Failure{Status: e.HTTPStatusCode, Code: e.Code, Message: e.Description}
}
