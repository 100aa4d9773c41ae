package interop

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

// object is what a key has to hold.
type object struct {
	data   []byte
	etag   string
	tags   map[string]string // nil: none
	header http.Header       // that GET and HEAD have to answer with; nil: not looked at

	modified time.Time // as the first verification saw it; zero: not seen yet
}

// bucket is what a bucket has to hold, by key. Keys that end in a slash are directory objects.
type bucket struct {
	name    string
	objects map[string]*object
	// absent are keys that have been removed or replaced by nothing.
	absent map[string]bool
	// leftovers are directories that the original leaves behind when it removes many objects at once. They show in listings,
	// and nowhere else.
	leftovers map[string]bool
}

func newBucket(name string) *bucket {
	return &bucket{name: name, objects: map[string]*object{}, absent: map[string]bool{}, leftovers: map[string]bool{}}
}

func (b *bucket) set(key string, o *object) {
	b.objects[key] = o
	delete(b.absent, key)
}

func (b *bucket) drop(key string) {
	delete(b.objects, key)
	b.absent[key] = true
}

// allowLeftovers lets the parents of removed keys show in listings.
func (b *bucket) allowLeftovers() {
	for key := range b.absent {
		for dir := path.Dir(strings.TrimSuffix(key, "/")); dir != "."; dir = path.Dir(dir) {
			b.leftovers[dir+"/"] = true
		}
	}
}

// keys returns the keys in order.
func (b *bucket) keys() []string { return slices.Sorted(maps.Keys(b.objects)) }

// page returns what a listing of all keys after a prefix has to show with the delimiter slash.
func (b *bucket) page(prefix string) (keys, prefixes []string) {
	seen := map[string]bool{}
	for _, key := range b.keys() {
		rest, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			seen[prefix+rest[:i+1]] = true
		} else {
			keys = append(keys, key)
		}
	}
	return keys, slices.Sorted(maps.Keys(seen))
}

// content returns n bytes that no other name gives.
func content(name string, n int) []byte {
	data := make([]byte, n)
	_, _ = rand.NewChaCha8(sha256.Sum256([]byte(name))).Read(data) // never fails
	return data
}

// etagOf is the ETag of an object put in one piece.
func etagOf(data []byte) string {
	sum := md5.Sum(data)
	return hex.EncodeToString(sum[:])
}

// etagOfParts is the ETag of an object completed from parts.
func etagOfParts(parts [][]byte) string {
	var sums []byte
	for _, p := range parts {
		sum := md5.Sum(p)
		sums = append(sums, sum[:]...)
	}
	return fmt.Sprintf("%s-%d", etagOf(sums), len(parts))
}
