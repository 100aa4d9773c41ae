package vfs

import (
	"context"
	"time"

	"juicefs/meta"
)

// Part is a source of Compose. ETag, if not empty, must equal the part's extended attribute etagName, else the error is
// meta.ErrPartChanged with the part's path; a missing part likewise.
type Part struct{ Path, ETag string }

// Compose moves the data of parts, in order, into a new object and removes the directory removeDir with all in it,
// bypassing the trash, in one transaction where limits allow.
func (v *Volume) Compose(ctx context.Context, c Commit, parts []Part, etagName, removeDir string) (*Info, error) {
	defer v.timed(time.Now())
	s := &meta.ComposeSpec{ObjectSpec: *c.spec(), Parts: make([]meta.Part, len(parts)), ETagName: etagName, Remove: removeDir}
	for i, p := range parts {
		s.Parts[i] = meta.Part(p)
	}
	o, err := v.fs.ComposeObject(ctx, &v.caller, s)
	if err != nil {
		return nil, err
	}
	return infoOf(o), nil
}
