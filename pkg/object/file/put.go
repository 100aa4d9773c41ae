package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"

	"juicefs/pkg/object"
)

const (
	tempPrefix  = ".jfs."
	tempSuffix  = ".tmp."
	maxTempBase = 200 // bytes of the base name that a temporary name repeats
)

// tempName is the name under which path is written before it is renamed.
func tempName(path string) string {
	slash := strings.LastIndexByte(path, '/') + 1
	base := path[slash:]
	base = base[:min(len(base), maxTempBase)]
	var number [10]byte
	var name strings.Builder
	name.Grow(len(path) + len(tempPrefix) + len(tempSuffix) + len(number))
	name.WriteString(path[:slash])
	name.WriteString(tempPrefix)
	name.WriteString(base)
	name.WriteString(tempSuffix)
	name.Write(strconv.AppendUint(number[:0], uint64(rand.Uint32()), 10))
	return name.String()
}

// isTemp reports whether a base name is of a temporary file, also one of juicefs 1.2 (".<base>.tmp<number>").
func isTemp(name string) bool {
	if len(name) < 2 || name[0] != '.' {
		return false
	}
	i := strings.LastIndex(name, ".tmp")
	if i < 1 {
		return false
	}
	number := strings.TrimPrefix(name[i+len(".tmp"):], ".")
	return number != "" && strings.Trim(number, "0123456789") == ""
}

// Put implements object.Bucket: create a temporary file beside the object, write it, rename it.
func (b *Bucket) Put(ctx context.Context, key string, body object.Body) error {
	path, err := b.path(key)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		if isFolder(key) {
			err = os.MkdirAll(path, 0o777)
		} else {
			err = put(ctx, path, body)
		}
	}
	if err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	return nil
}

func put(ctx context.Context, path string, body object.Body) error {
	temp, f, err := create(path)
	if err != nil {
		return err
	}
	_, err = body.WriteTo(f)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = rename(temp, path)
	}
	if err != nil {
		_ = unlink(temp) // best effort: Sweep finds it later
	}
	return err
}

// create makes the temporary file for path. Most folders exist, so they are made only when it turns out that one does
// not; a folder may vanish again before the file is in it, hence the tries.
func create(path string) (string, *tempFile, error) {
	for try := 0; ; try++ {
		temp := tempName(path)
		f, err := createFile(temp)
		switch {
		case err == nil:
			return temp, f, nil
		case try == 3:
			return "", nil, err
		case errors.Is(err, fs.ErrNotExist):
			if err = os.MkdirAll(path[:strings.LastIndexByte(path, '/')], 0o777); err != nil {
				return "", nil, err
			}
		case errors.Is(err, fs.ErrExist):
		default:
			return "", nil, err
		}
	}
}

// Delete implements object.Bucket. A folder is removed if it is empty; one that is not is left alone, without an error.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	path, err := b.path(key)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	if isFolder(key) {
		err = removeFolder(path)
	} else {
		err = unlink(path)
	}
	if err != nil && !errors.Is(absent(err), fs.ErrNotExist) {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return nil
}
