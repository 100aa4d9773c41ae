// Package gateway serves a volume over S3: it is the ObjectLayer under the fork of MinIO of April 2021 that JuiceFS 1.4.1
// embeds, and the only package that imports the fork.
//
// # How S3 maps to files
//
// A bucket is a directory: the volume's root under its one bucket name, or with MultiBuckets each directory of the root.
// A key is a path below it. A key that ends in a slash is a directory object: a directory whose access time is zero;
// other directories come and go with the objects in them. Names that a file tree cannot hold are refused: see key.go.
//
// What S3 knows of an object and a file does not is in extended attributes, see etag.go. Uploads in parts are directories
// below .sys, the server's own settings are objects of the bucket .minio.sys. Names and formats are those of juicefs 1.4.1,
// so that either program finds what the other wrote.
//
// # How to read it
//
// Layer has the methods that the fork calls, in files by topic: bucket.go, object.go, copy.go, delete.go, list.go,
// multipart.go, uploads.go, tags.go, policy.go, lock.go. Each checks names, calls one method of the volume and translates
// the error (errors.go). minio.go starts and ends the fork, whose state is that of the process. What it keeps private and is used
// all the same is named by go:linkname beside what uses it; hook_test.go pins the version. Package front has the handlers that
// run before the fork's.
package gateway
