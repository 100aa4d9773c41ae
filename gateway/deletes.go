package gateway

import (
	"context"
	"errors"
	"net/http"
	"slices"
	_ "unsafe" // for go:linkname

	"github.com/gorilla/mux"
	minio "github.com/minio/minio/cmd"
	"github.com/minio/minio/cmd/logger"
	"github.com/minio/minio/pkg/auth"
	"github.com/minio/minio/pkg/bucket/policy"
	"github.com/minio/minio/pkg/event"
	"github.com/minio/minio/pkg/handlers"
	iampolicy "github.com/minio/minio/pkg/iam/policy"
	"github.com/minio/minio/pkg/pubsub"

	"juicefs/gateway/front"
)

// DeleteObjects past the fork's handler, which checks the signature and the token of a request again for each of its keys:
// 22 us a key, half of what the whole request took. Here both are checked once, with the handler's own functions, and the
// policy is asked for each key what the handler asks. Whatever else its handler would do stays with it: deletes.plain.
// docs/design/own-server.md. hook_test.go pins the version of the fork.

//go:linkname forkContext github.com/minio/minio/cmd.newContext
func forkContext(r *http.Request, w http.ResponseWriter, api string) context.Context

//go:linkname forkCheck github.com/minio/minio/cmd.checkRequestAuthTypeCredential
func forkCheck(ctx context.Context, r *http.Request, action policy.Action, bucket, object string) (c auth.Credentials, root bool, code minio.APIErrorCode)

//go:linkname forkClaims github.com/minio/minio/cmd.checkClaimsFromToken
func forkClaims(r *http.Request, c auth.Credentials) (map[string]any, minio.APIErrorCode)

//go:linkname forkTokenClaims github.com/minio/minio/cmd.mustGetClaimsFromToken
func forkTokenClaims(r *http.Request) map[string]any

//go:linkname forkLayer github.com/minio/minio/cmd.newObjectLayerFn
func forkLayer() minio.ObjectLayer

//go:linkname forkCache github.com/minio/minio/cmd.newCachedObjectLayerFn
func forkCache() minio.CacheObjectLayer

//go:linkname forkLocks github.com/minio/minio/cmd.globalBucketObjectLockSys
var forkLocks *minio.BucketObjectLockSys

//go:linkname forkTrace github.com/minio/minio/cmd.globalTrace
var forkTrace *pubsub.PubSub

//go:linkname forkCounted github.com/minio/minio/cmd.collectAPIStats
func forkCounted(api string, f http.HandlerFunc) http.HandlerFunc

//go:linkname forkLimited github.com/minio/minio/cmd.maxClients
func forkLimited(f http.HandlerFunc) http.HandlerFunc

//go:linkname forkError github.com/minio/minio/cmd.toAPIError
func forkError(ctx context.Context, err error) minio.APIError

//go:linkname forkWriteXML github.com/minio/minio/cmd.writeSuccessResponseXML
func forkWriteXML(w http.ResponseWriter, document []byte)

//go:linkname forkSend github.com/minio/minio/cmd.sendEvent
func forkSend(e forkEvent)

//go:linkname forkEventRequest github.com/minio/minio/cmd.extractReqParams
func forkEventRequest(r *http.Request) map[string]string

//go:linkname forkEventReply github.com/minio/minio/cmd.extractRespElements
func forkEventReply(w http.ResponseWriter) map[string]string

// forkEvent has the fields of the fork's eventArgs.
type forkEvent struct {
	EventName    event.Name
	BucketName   string
	Object       minio.ObjectInfo
	ReqParams    map[string]string
	RespElements map[string]string
	Host         string
	UserAgent    string
}

// deletes is a request for DeleteObjects of a caller who is known.
type deletes struct {
	ctx    context.Context //nolint:containedctx // lives as long as its request
	layer  minio.ObjectLayer
	bucket string
	caller iampolicy.Args // what the policy is asked, all but the key
}

// Delete implements front.Server. The fork's middleware comes first, as before its handler: it looks at the time of the
// signature, for one, and names the request.
func (stock) Delete(w http.ResponseWriter, r *http.Request, keys []string, answer func(map[string]*front.Failure) []byte) (done bool) {
	done = true // unless the middleware lets it through
	forkChecked(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		done = deleteAll(w, r, keys, answer)
	})).ServeHTTP(w, r)
	return done
}

// forkChecked returns a handler behind the fork's middleware, all but the front.
func forkChecked(h http.Handler) http.Handler {
	for _, m := range slices.Backward(forkHandlers[len(forkHandlers)-forkHandlerCount:]) {
		h = m(h)
	}
	return h
}

// deleteAll is Delete behind the middleware.
func deleteAll(w http.ResponseWriter, r *http.Request, keys []string, answer func(map[string]*front.Failure) []byte) bool {
	d := deletes{ctx: forkContext(r, w, "DeleteMultipleObjects"), layer: forkLayer(), bucket: mux.Vars(r)["bucket"]}
	if !d.plain(r) || !d.authenticate(r) || !d.plainBucket() {
		return false
	}
	forkCounted("deletemultipleobjects", forkLimited(func(w http.ResponseWriter, r *http.Request) {
		defer func() { logger.AuditLog(d.ctx, w, r, forkTokenClaims(r)) }()
		failed := d.remove(keys)
		forkWriteXML(w, answer(failed))
		d.tell(w, r, keys, failed)
	}))(w, r)
	return true
}

// plain reports whether the handler would do no more with a request than is done here. A trace names the handler that it
// watched.
func (d *deletes) plain(r *http.Request) bool {
	return d.layer != nil && forkCache() == nil && forkTrace.NumSubscribers() == 0 && len(r.Header["Content-Md5"]) > 0 && r.ContentLength > 0
}

// authenticate finds out who sent a request. False: nobody did, or not everything about it is good. The handler says what.
func (d *deletes) authenticate(r *http.Request) bool {
	// Whether the whole bucket may be removed, which is what is asked here, does not matter, and nothing else denies access to
	// a caller who has a name already.
	c, root, code := forkCheck(d.ctx, r, policy.DeleteObjectAction, d.bucket, "")
	if c.AccessKey == "" || code != minio.ErrNone && code != minio.ErrAccessDenied {
		return false
	}
	claims, code := forkClaims(r, c)
	if code != minio.ErrNone {
		return false
	}
	d.caller = iampolicy.Args{AccountName: c.AccessKey, Groups: c.Groups, Action: iampolicy.DeleteObjectAction, BucketName: d.bucket,
		ConditionValues: forkConditions(r, "", c.AccessKey, claims), IsOwner: root, Claims: claims}
	return true
}

// plainBucket reports whether a bucket is there and has no settings that the handler minds.
func (d *deletes) plainBucket() bool {
	if _, err := d.layer.GetBucketInfo(d.ctx, d.bucket); err != nil {
		return false
	}
	if c, err := forkBuckets.GetReplicationConfig(d.ctx, d.bucket); err == nil && c != nil {
		return false
	}
	if lock, err := forkLocks.Get(d.bucket); err != nil || lock.LockEnabled {
		return false
	}
	_, err := forkBuckets.GetLifecycleConfig(d.bucket)
	return err != nil
}

// remove removes those of the keys that the caller may remove and returns what was refused or failed.
func (d *deletes) remove(keys []string) map[string]*front.Failure {
	failed := map[string]*front.Failure{}
	may := make([]minio.ObjectToDelete, 0, len(keys))
	for _, key := range keys {
		d.caller.ObjectName = key
		if !forkUsers.IsAllowed(d.caller) {
			failed[key] = stockFailure(minio.ErrAccessDenied)
			continue
		}
		may = append(may, minio.ObjectToDelete{ObjectName: key})
	}
	if len(may) == 0 {
		return failed
	}
	_, errs := d.layer.DeleteObjects(d.ctx, d.bucket, may, minio.ObjectOptions{})
	for k, err := range errs {
		if err == nil || errors.As(err, new(minio.ObjectNotFound)) || errors.As(err, new(minio.VersionNotFound)) {
			continue
		}
		e := forkError(d.ctx, err)
		failed[may[k].ObjectName] = &front.Failure{Status: e.HTTPStatusCode, Code: e.Code, Message: e.Description}
	}
	return failed
}

// tell sends what happened to those who listen. What all events have in common is not changed by who gets them.
func (d *deletes) tell(w http.ResponseWriter, r *http.Request, keys []string, failed map[string]*front.Failure) {
	e := forkEvent{EventName: event.ObjectRemovedDelete, BucketName: d.bucket, ReqParams: forkEventRequest(r), RespElements: forkEventReply(w),
		Host: handlers.GetSourceIP(r), UserAgent: r.UserAgent()}
	for _, key := range keys {
		if failed[key] == nil {
			e.Object = minio.ObjectInfo{Name: key}
			forkSend(e)
		}
	}
}
