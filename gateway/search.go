package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	minio "github.com/minio/minio/cmd"

	"juicefs/gateway/front"
)

// errLongLine ends the search of an object with a line that is longer than a record may be.
var errLongLine = errors.New("a record is longer than what can be searched")

// lines bounds the lines of an object that is searched: the server reads each of them whole.
type lines struct {
	io.Reader
	most int64
	n    int64 // bytes since the last line end
}

// Read reads the object.
func (l *lines) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	for rest := p[:n]; ; {
		k := bytes.IndexByte(rest, '\n')
		if k < 0 {
			l.n += int64(len(rest))
			break
		}
		if l.n+int64(k) > l.most {
			return 0, fmt.Errorf("%w: over %d bytes", errLongLine, l.most)
		}
		l.n, rest = 0, rest[k+1:]
	}
	if l.n > l.most {
		return 0, fmt.Errorf("%w: over %d bytes", errLongLine, l.most)
	}
	return n, err
}

// searched is the data of an object as a search may read it.
func searched(t *target, limits front.SelectLimits, size int64, r io.Reader) (io.Reader, error) {
	switch {
	case limits == front.SelectLimits{}:
		return r, nil
	case size > limits.Size:
		return nil, minio.ObjectTooLarge{Bucket: t.bucket, Object: t.key}
	}
	return &lines{Reader: r, most: limits.Line}, nil
}
