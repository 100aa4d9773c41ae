package meta

import (
	"errors"
	"fmt"
	"syscall"

	"juicefs/meta/engine"
)

var (
	// ErrBusy is engine.ErrBusy, for those above who do not know of engines.
	ErrBusy = engine.ErrBusy
	// ErrUnknown is engine.ErrUnknown.
	ErrUnknown = engine.ErrUnknown
	// ErrNotFormatted is returned when the database holds no volume.
	ErrNotFormatted = errors.New("database is not formatted")
	// ErrUnsupported is wrapped when a volume has a setting that this program does not implement: it must not write there.
	ErrUnsupported = errors.New("volume setting is not supported")
	// ErrUploadGone is wrapped by ComposeObject when the directory of the parts is missing, or is none.
	ErrUploadGone = errors.New("upload is gone")
	// ErrPartChanged is wrapped by ComposeObject when a part is missing or is not the one that was named.
	ErrPartChanged = errors.New("part is missing or has changed")
	// ErrSourceChanged is wrapped by CopyObject when the source is not the version that was named.
	ErrSourceChanged = errors.New("source has changed")
	// ErrTopMissing is wrapped, with ENOENT, when an object is to appear below a directory that must be there and is not.
	ErrTopMissing = fmt.Errorf("top directory is missing: %w", syscall.ENOENT)
	// ErrReplaced is returned by background work when the volume was destroyed or replaced by another one.
	ErrReplaced = errors.New("volume was destroyed or replaced")
)

// VersionError says that the volume may not be opened by this version.
type VersionError struct {
	Allowed string // the limit
	Newest  bool   // the limit is the newest version allowed, else the oldest
}

// Error has the words that the original uses.
func (e *VersionError) Error() string {
	if e.Newest {
		return fmt.Sprintf("check version: allowed maximum version: %s; please use an older client", e.Allowed)
	}
	return fmt.Sprintf("check version: allowed minimum version: %s; please upgrade the client", e.Allowed)
}

// needs is returned by a plan that cannot go on before something was done in another transaction, such as taking more
// inode numbers. The runner ends the transaction, does it, and runs the plan again.
type needs struct{ do func(*FS) error }

func (*needs) Error() string { return "plan needs preparation" }

// The codes that plans return; fserr wraps them with the path where it is known.
const (
	eNoEnt    = syscall.ENOENT
	eExist    = syscall.EEXIST
	ePerm     = syscall.EPERM
	eAccess   = syscall.EACCES
	eInval    = syscall.EINVAL
	eNotDir   = syscall.ENOTDIR
	eIsDir    = syscall.EISDIR
	eNotEmpty = syscall.ENOTEMPTY
	eLoop     = syscall.ELOOP
	eRofs     = syscall.EROFS
	eNoSpc    = syscall.ENOSPC
	eDquot    = syscall.EDQUOT
	eTooLong  = syscall.ENAMETOOLONG
	eNotSup   = syscall.ENOTSUP
	eIO       = syscall.EIO
	eNoData   = syscall.ENODATA
	eFBig     = syscall.EFBIG
)
