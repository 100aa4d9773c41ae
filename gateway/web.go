package gateway

import (
	"context"
	"net/http"
	_ "unsafe" // for go:linkname

	minio "github.com/minio/minio/cmd"
	"github.com/minio/minio/cmd/jwt"
	"github.com/minio/minio/pkg/bucket/policy"
	iampolicy "github.com/minio/minio/pkg/iam/policy"

	"juicefs/gateway/front"
)

// What the file manager's own handlers ask for each object; the names are private to the fork, hook_test.go pins the version.

//go:linkname forkWebToken github.com/minio/minio/cmd.webTokenAuthenticate
func forkWebToken(token string) (claims *jwt.MapClaims, root bool, err error)

//go:linkname forkConditions github.com/minio/minio/cmd.getConditionValues
func forkConditions(r *http.Request, location, user string, claims map[string]any) map[string][]string

//go:linkname forkUsers github.com/minio/minio/cmd.globalIAMSys
var forkUsers *minio.IAMSys

//go:linkname forkPolicies github.com/minio/minio/cmd.globalPolicySys
var forkPolicies *minio.PolicySys

// keyer lists keys.
type keyer interface {
	EachKey(ctx context.Context, bucket, prefix string, f func(key string) bool) error
}

var _ keyer = (*Layer)(nil)

// web is the file manager of the server.
type web struct{ keyer }

var _ front.Web = web{}

// Holder implements front.Web.
func (web) Holder(r *http.Request, token string) (front.Holder, bool) {
	if token == "" {
		return front.Holder{May: func(action, bucket, key string) bool {
			return forkPolicies.IsAllowed(policy.Args{Action: policy.Action(action), BucketName: bucket, ObjectName: key,
				ConditionValues: forkConditions(r, "", "", nil)})
		}}, true
	}
	claims, root, err := forkWebToken(token)
	if err != nil {
		return front.Holder{}, false
	}
	user, all := claims.AccessKey, claims.Map()
	return front.Holder{Root: root, May: func(action, bucket, key string) bool {
		return forkUsers.IsAllowed(iampolicy.Args{AccountName: user, Action: iampolicy.Action(action), BucketName: bucket, ObjectName: key,
			IsOwner: root, Claims: all, ConditionValues: forkConditions(r, "", user, all)})
	}}, true
}
