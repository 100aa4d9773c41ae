package gateway

import (
	"encoding/json"
	"mime"
	"path"
	"strings"

	minio "github.com/minio/minio/cmd"

	"juicefs/vfs"
)

// Extended attributes of objects and uploads. Formats: juicefs 1.4.1 as observed.
const (
	attrETag   = "s3-etag"   // of an object, if kept, and of each part: lower-case hex without quotes
	attrTags   = "s3-tags"   // of an object or upload: URL query form, as it was received
	attrMeta   = "s3-meta"   // of an object or upload: JSON object of strings, keys in lower case; absent when empty
	attrObject = "s3-object" // of an upload: its key
)

// headerTags is the key under which handlers pass tags among the metadata of an object.
const headerTags = "X-Amz-Tagging"

// userPrefix is what the name of user metadata begins with.
const userPrefix = "x-amz-meta-"

// keptHeader reports whether a header of a PUT belongs to the object's metadata; name is in lower case. The original
// keeps the first three and user metadata, and returns whatever it finds.
func keptHeader(name string) bool {
	switch name {
	case "cache-control", "content-disposition", "content-type", "content-encoding", "content-language", "expires":
		return true
	}
	return strings.HasPrefix(name, userPrefix)
}

// encodeMeta returns the attribute of the metadata that handlers pass, nil when there is none to keep.
func encodeMeta(defined map[string]string) ([]byte, error) {
	kept := make(map[string]string, len(defined))
	for k, v := range defined {
		if k = strings.ToLower(k); keptHeader(k) {
			kept[k] = v
		}
	}
	if len(kept) == 0 {
		return nil, nil
	}
	return json.Marshal(kept)
}

// decodeMeta is the inverse. What is not JSON is no metadata: anyone with a mount can write the attribute.
func decodeMeta(b []byte) map[string]string {
	meta := map[string]string{}
	var found map[string]string
	if len(b) == 0 || json.Unmarshal(b, &found) != nil {
		return meta
	}
	for k, v := range found {
		if k = strings.ToLower(k); keptHeader(k) {
			meta[k] = v
		}
	}
	return meta
}

// plainMD5 reports whether an entity tag is the MD5 of the data.
func plainMD5(tag string) bool {
	return len(tag) == 32 && strings.Trim(tag, "0123456789abcdef") == ""
}

// attrs returns the extended attributes of a new object.
func (l *Layer) attrs(tag string, defined map[string]string) (map[string][]byte, error) {
	attrs := map[string][]byte{}
	if l.o.KeepETag && tag != "" {
		attrs[attrETag] = []byte(tag)
	}
	if err := l.describe(attrs, defined); err != nil {
		return nil, err
	}
	return attrs, nil
}

// describe adds the attributes that say what a client told of an object.
func (l *Layer) describe(attrs map[string][]byte, defined map[string]string) error {
	if tags := defined[headerTags]; l.o.ObjectTag && tags != "" {
		attrs[attrTags] = []byte(tags)
	}
	if !l.o.ObjectMeta {
		return nil
	}
	meta, err := encodeMeta(defined)
	if err != nil {
		return err
	}
	if meta != nil {
		attrs[attrMeta] = meta
	}
	return nil
}

// info is what S3 shows of a file.
func (l *Layer) info(t *target, i *vfs.Info) minio.ObjectInfo {
	oi := minio.ObjectInfo{Bucket: t.bucket, Name: t.key, ModTime: i.Mtime, Size: i.Size, IsLatest: true, IsDir: i.IsDir(),
		AccTime: i.Atime, UserDefined: map[string]string{}}
	if i.IsDir() {
		oi.Size = 0
	}
	if l.o.KeepETag {
		oi.ETag = string(i.Xattrs[attrETag])
	}
	if _, ok := i.Xattrs[attrParts]; ok {
		oi.Parts = decodeParts(long(i.Xattrs, attrParts), oi.Size)
	}
	if l.o.ObjectTag {
		oi.UserTags = string(i.Xattrs[attrTags])
	}
	if l.o.ObjectMeta {
		meta := decodeMeta(i.Xattrs[attrMeta])
		oi.UserDefined = minio.CleanMetadata(meta)
		if expires, ok := meta["expires"]; ok { // CleanMetadata takes it for an internal one
			oi.UserDefined["expires"] = expires
		}
	}
	oi.ContentEncoding = oi.UserDefined["content-encoding"]
	if oi.ContentType = oi.UserDefined["content-type"]; oi.ContentType == "" {
		oi.ContentType = guessType(t.key)
	}
	return oi
}

// guessType is the content type of an object that was stored without one.
func guessType(key string) string {
	if t := mime.TypeByExtension(path.Ext(key)); t != "" {
		return t
	}
	return "application/octet-stream"
}
