package gateway

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	minio "github.com/minio/minio/cmd"
	"github.com/minio/minio/cmd/logger"

	"juicefs/gateway/front"
)

// Names at the root of a volume that are not objects.
const (
	sysName    = ".sys"                // temporary files and uploads
	serverName = minio.MinioMetaBucket // the server's own settings, as a bucket
)

// Limits of S3 and of the file system.
const (
	maxKey       = 1024 // bytes
	maxComponent = 255  // bytes
)

// use is what a name is wanted for. It decides how a name that no object can have is answered.
type use uint8

const (
	reads   use = iota // there is no such object
	removes            // likewise
	writes             // the name is invalid
)

// target is an object's name, checked, and where it is.
type target struct {
	bucket, key string
	path        string // of the file or directory
	top         string // the bucket's directory
	dir         bool   // the key ends in a slash: a directory object
}

// server reports whether it is one of the server's own settings.
func (t *target) server() bool { return t.bucket == serverName }

// names maps buckets and keys to paths. It holds no state.
type names struct {
	multi  bool   // each directory of the root is a bucket
	bucket string // else the name of the one bucket
}

// Reserved tells which names in the root directory of a volume are never objects. Links that a mount makes should not lead there
// for a gateway, which may read what whoever made them may not.
func Reserved(name string) bool { return hidden(name) }

// hidden reports whether a name at the root of the volume is out of reach for S3 requests: temporary files, uploads, the
// server's settings, the trash, and the files that a mount shows but no volume stores (juicefs 1.4.1 has each of the
// latter under a name with .jfs in front, too).
func hidden(name string) bool {
	switch strings.TrimPrefix(name, ".jfs") {
	case sysName, serverName, ".trash", ".accesslog", ".control", ".stats", ".config":
		return true
	}
	return false
}

// outside reports whether a call of the layer is made for a request from outside, by the mark that package front puts in
// its context. Handlers of the web browser start their calls from a context without it; those name themselves.
func outside(ctx context.Context) bool {
	switch front.OriginOf(ctx) {
	case front.Outside:
		return true
	case front.Inside:
		return false
	}
	r := logger.GetReqInfo(ctx)
	return r != nil && strings.HasPrefix(r.API, "Web")
}

// top returns the directory of a bucket, whether or not it exists. The bucket of the server's settings exists only for the
// server itself. All other rules hold for every call: some handlers of the web browser cannot be told from the server.
func (n names) top(ctx context.Context, bucket string) (string, error) {
	switch {
	case bucket == serverName && !outside(ctx):
		return "/" + serverName, nil
	case bucket == serverName:
		return "", minio.AllAccessDisabled{Bucket: bucket}
	case !n.multi && bucket == n.bucket:
		return "/", nil
	case !n.multi || !validBucket(bucket):
		return "", minio.BucketNotFound{Bucket: bucket}
	}
	return "/" + bucket, nil
}

// sys returns the directory for what is under way in a bucket.
func (n names) sys(bucket string) string {
	if !n.multi && bucket == n.bucket {
		return "/" + sysName
	}
	return "/" + sysName + "/" + bucket
}

// validBucket reports whether a directory of the root can be a bucket.
func validBucket(bucket string) bool {
	return bucket != "" && bucket[0] != '.' && bucket != "minio" && minio.IsValidBucketName(bucket)
}

// object checks the name of an object and finds its place.
func (n names) object(ctx context.Context, bucket, key string, u use) (target, error) {
	top, err := n.top(ctx, bucket)
	if err != nil {
		return target{}, err
	}
	t := target{bucket: bucket, key: key, top: top, dir: strings.HasSuffix(key, "/")}
	switch checkKey(key) {
	case keyTooLong:
		return t, minio.ObjectNameTooLong{Bucket: bucket, Object: key}
	case keyBad:
		return t, minio.ObjectNameInvalid{Bucket: bucket, Object: key}
	case keyUnclean:
		if u == writes {
			return t, minio.ObjectNameInvalid{Bucket: bucket, Object: key}
		}
		return t, minio.ObjectNotFound{Bucket: bucket, Object: key}
	}
	if top == "/" && hidden(firstName(key)) {
		return t, minio.PrefixAccessDenied{Bucket: bucket, Object: key}
	}
	t.path = join(top, strings.TrimSuffix(key, "/"))
	return t, nil
}

// prefix checks the prefix of a listing. The second result is false where no key can have it.
func (n names) prefix(top, bucket, prefix string) (bool, error) {
	if strings.ContainsRune(prefix, 0) || hasDots(prefix) {
		return false, minio.ObjectNameInvalid{Bucket: bucket, Object: prefix}
	}
	if name, _, below := strings.Cut(strings.TrimLeft(prefix, "/"), "/"); below && top == "/" && hidden(name) {
		return false, minio.PrefixAccessDenied{Bucket: bucket, Object: prefix}
	}
	return !strings.HasPrefix(prefix, "/") && !strings.Contains(prefix, "//"), nil
}

// marker checks where a listing is to go on. A marker is only compared with names, and names that the file system has
// may be no valid keys, so only what no name can be is refused.
func (n names) marker(bucket, marker string) error {
	if strings.ContainsRune(marker, 0) || hasDots(marker) {
		return minio.ObjectNameInvalid{Bucket: bucket, Object: marker}
	}
	return nil
}

// verdict on a key.
type verdict uint8

const (
	keyGood    verdict = iota
	keyBad             // no program may ask for it
	keyUnclean         // a fine key for S3, but a file tree would take it for another one
	keyTooLong
)

// checkKey tells whether a key can be a path and comes back from it unchanged.
func checkKey(key string) verdict {
	switch {
	case key == "" || !utf8.ValidString(key) || strings.ContainsRune(key, 0):
		return keyBad
	case hasDots(key):
		return keyBad
	case len(key) > maxKey:
		return keyTooLong
	}
	unclean := false
	for name := range strings.SplitSeq(strings.TrimSuffix(key, "/"), "/") {
		if len(name) > maxComponent {
			return keyTooLong
		}
		unclean = unclean || name == ""
	}
	if unclean {
		return keyUnclean
	}
	return keyGood
}

// hasDots reports whether a component is "." or "..".
func hasDots(name string) bool {
	if !strings.Contains(name, ".") {
		return false
	}
	for c := range strings.SplitSeq(name, "/") {
		if c == "." || c == ".." {
			return true
		}
	}
	return false
}

// validUploadID reports whether an upload's id has the one form that ids are made in, so that it can be a path.
func validUploadID(id string) bool {
	if len(id) != 36 || strings.ToLower(id) != id {
		return false
	}
	_, err := uuid.Parse(id)
	return err == nil
}

// slot is the directory that an id is kept in: 4096 of them spread what is under way.
func slot(id string) string { return id[:3] }

// firstName is the first component.
func firstName(key string) string {
	name, _, _ := strings.Cut(key, "/")
	return name
}

// join appends a relative path to a clean absolute one.
func join(dir, rel string) string {
	switch {
	case rel == "":
		return dir
	case dir == "/":
		return dir + rel
	}
	return dir + "/" + rel
}
