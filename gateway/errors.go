package gateway

import (
	"context"
	"errors"
	"net/http"
	"syscall"

	miniogo "github.com/minio/minio-go/v7"
	minio "github.com/minio/minio/cmd"

	"juicefs/gateway/front"
	"juicefs/vfs"
)

// decided carries an error that is S3's already out of an Allow function.
type decided struct{ err error }

func (d *decided) Error() string { return d.err.Error() }
func (d *decided) Unwrap() error { return d.err }

// s3Error is an error of S3 for which the fork has no type. The fork logs these.
func s3Error(t *target, status int, code, message string) error {
	return miniogo.ErrorResponse{StatusCode: status, Code: code, Message: message, BucketName: t.bucket, Key: t.key}
}

func errNotMet(t *target) error {
	return s3Error(t, http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
}

// quietly tells the front what a write failed with when its condition does not hold, and returns an error that the fork
// knows: others it logs with a stack, and that somebody else was first is nothing to log.
func quietly(ctx context.Context, err error) error {
	if e, ok := err.(miniogo.ErrorResponse); ok && front.FailWrite(ctx, failure(e)) { //nolint:errorlint // see failure
		return minio.MethodNotAllowed{}
	}
	return err
}

// errNoTags is the answer to a condition that only an entity tag decides where none are kept.
func errNoTags(t *target) error {
	return s3Error(t, http.StatusNotImplemented, "NotImplemented", "A header you provided implies functionality that is not implemented")
}

func errNoKey(t *target) error {
	return s3Error(t, noSuchKey.Status, noSuchKey.Code, noSuchKey.Message)
}

func errPartOrder(t *target) error {
	return s3Error(t, http.StatusBadRequest, "InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number.")
}

func errPartNumber(t *target) error {
	return s3Error(t, http.StatusBadRequest, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
}

// fail translates an error of the volume into the one that the fork turns into the right reply. Nothing else translates.
//
// What the fork's types cannot carry is logged here: the cause of a database or store that does not work.
func (l *Layer) fail(ctx context.Context, t *target, u use, err error) error {
	if err == nil {
		return nil
	}
	if d := (*decided)(nil); errors.As(err, &d) {
		return d.err
	}
	var errno syscall.Errno
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, vfs.ErrSourceChanged):
		return minio.OperationTimedOut{}
	case errors.Is(err, vfs.ErrBusy), errors.Is(err, vfs.ErrUnknown):
		return l.unavailable(t, u, err)
	case errors.Is(err, vfs.ErrPartChanged):
		return minio.InvalidPart{}
	case errors.Is(err, vfs.ErrTopMissing):
		return minio.BucketNotFound{Bucket: t.bucket}
	case errors.Is(err, vfs.ErrCorrupt):
		l.log.Error("data is damaged", "bucket", t.bucket, "key", t.key, "error", err)
		return err // no client can do something about it
	case errors.As(err, &errno):
		if errno == syscall.ENOENT {
			return l.missing(ctx, t)
		}
		if e := translate(errno, t, u); e != nil {
			return e
		}
	}
	return l.unavailable(t, u, err)
}

// translate is the table, but for ENOENT, which needs a second look. nil: what happened has to do with the database or the store, not with the request.
func translate(errno syscall.Errno, t *target, u use) error {
	generic := minio.GenericError{Bucket: t.bucket, Object: t.key}
	switch errno {
	case syscall.ENOTDIR:
		if u == writes {
			return minio.ParentIsObject(generic)
		}
		return minio.ObjectNotFound(generic)
	case syscall.EISDIR:
		if u == writes {
			return minio.ObjectExistsAsDirectory(generic)
		}
		return minio.ObjectNotFound(generic)
	case syscall.EEXIST:
		return minio.ParentIsObject(generic) // a directory object where an object is
	case syscall.ENOTEMPTY:
		return minio.BucketNotEmpty(generic)
	case syscall.EROFS, syscall.EACCES, syscall.EPERM, syscall.ELOOP:
		return minio.PrefixAccessDenied(generic)
	case syscall.ENOSPC, syscall.EDQUOT:
		return minio.StorageFull{}
	case syscall.ENAMETOOLONG:
		return minio.ObjectNameTooLong(generic)
	}
	return nil
}

// unavailable is the answer to a database or store that does not work now: clients try again.
func (l *Layer) unavailable(t *target, u use, err error) error {
	l.log.Error("volume is not available", "bucket", t.bucket, "key", t.key, "error", err)
	if u == reads {
		return minio.InsufficientReadQuorum{Bucket: t.bucket, Object: t.key, Err: err}
	}
	return minio.InsufficientWriteQuorum{Bucket: t.bucket, Object: t.key, Err: err}
}

// missing tells whether an object is missing or its bucket.
func (l *Layer) missing(ctx context.Context, t *target) error {
	if t.top != "/" && !t.server() {
		if err := l.haveBucket(ctx, t); err != nil {
			return err
		}
	}
	return minio.ObjectNotFound{Bucket: t.bucket, Object: t.key}
}

// haveBucket fails unless the bucket exists.
func (l *Layer) haveBucket(ctx context.Context, t *target) error {
	if t.top == "/" || t.server() {
		return nil
	}
	switch i, err := l.v.Stat(ctx, t.top); {
	case errors.Is(err, syscall.ENOENT), err == nil && !i.IsDir():
		return minio.BucketNotFound{Bucket: t.bucket}
	case err != nil:
		return l.fail(ctx, &target{bucket: t.bucket, top: "/"}, reads, err)
	}
	return nil
}

// noSuchKey is the reply to a conditional removal of an object that is missing.
var noSuchKey = front.Failure{Status: http.StatusNotFound, Code: "NoSuchKey", Message: "The specified key does not exist."}

// failure is the reply to a removal that failed with an error of the fork.
func failure(err error) front.Failure {
	switch e := err.(type) { //nolint:errorlint // the fork's errors are plain values, its own table switches on types, too
	case minio.BucketNotFound:
		return front.Failure{Status: http.StatusNotFound, Code: "NoSuchBucket", Message: "The specified bucket does not exist"}
	case minio.ObjectNotFound:
		return noSuchKey
	case minio.VersionNotFound:
		return front.Failure{Status: http.StatusNotFound, Code: "NoSuchVersion", Message: "The specified version does not exist."}
	case minio.PrefixAccessDenied:
		return front.Failure{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Access Denied."}
	case minio.AllAccessDisabled:
		return front.Failure{Status: http.StatusForbidden, Code: "AllAccessDisabled", Message: "All access to this object has been disabled"}
	case minio.ObjectNameInvalid:
		return front.Failure{Status: http.StatusBadRequest, Code: "XMinioInvalidObjectName", Message: "The object name is not valid."}
	case minio.ObjectNameTooLong:
		return front.Failure{Status: http.StatusBadRequest, Code: "KeyTooLongError", Message: "Your key is too long"}
	case minio.InsufficientReadQuorum, minio.InsufficientWriteQuorum:
		return front.Failure{Status: http.StatusServiceUnavailable, Code: "SlowDown", Message: "Please reduce your request rate."}
	case minio.OperationTimedOut:
		return front.Failure{Status: http.StatusServiceUnavailable, Code: "RequestTimeout", Message: "The request took too long. Please retry."}
	case minio.StorageFull:
		return front.Failure{Status: http.StatusInsufficientStorage, Code: "XMinioStorageFull", Message: "The volume is full."}
	case miniogo.ErrorResponse:
		return front.Failure{Status: e.StatusCode, Code: e.Code, Message: e.Message}
	}
	return front.Failure{Status: http.StatusInternalServerError, Code: "InternalError", Message: "We encountered an internal error, please try again."}
}
