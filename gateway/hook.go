package gateway

import (
	"errors"
	"fmt"
	_ "unsafe" // for go:linkname

	"github.com/gorilla/mux"
	minio "github.com/minio/minio/cmd"
)

// forkHandlers is the fork's list of middleware, which its router takes over when the server starts. The fork exports no
// way in. The name is private to it: hook_test.go pins the version, and Serve checks that requests come through.
//
//go:linkname forkHandlers github.com/minio/minio/cmd.globalHandlers
var forkHandlers []mux.MiddlewareFunc

// forkBuckets is what the fork knows of the settings of buckets, and forkEvents where it sends what happens in them. Both
// are set when the server starts. Only exported methods are called. As above.
//
//go:linkname forkBuckets github.com/minio/minio/cmd.globalBucketMetadataSys
var forkBuckets *minio.BucketMetadataSys

//go:linkname forkEvents github.com/minio/minio/cmd.globalNotificationSys
var forkEvents *minio.NotificationSys

// forkHandlerCount is how many handlers the list has in the version that was looked at.
const forkHandlerCount = 16

// mount puts a handler before those of the fork, outermost.
func mount(h mux.MiddlewareFunc) error {
	switch n := len(forkHandlers); n {
	case forkHandlerCount:
	case forkHandlerCount + 1:
		return errors.New("a process serves one gateway, once")
	default:
		return fmt.Errorf("the fork of MinIO has %d handlers instead of %d: it is not the version that this program was made for", n, forkHandlerCount)
	}
	forkHandlers = append([]mux.MiddlewareFunc{h}, forkHandlers...)
	return nil
}
