// Package s3 tests the gateway as S3 clients see it: the binary runs on a volume of its own, and a client of 2021
// (minio-go), plain signed requests and the MinIO command line client talk to it over HTTP.
//
// The tests are by topic. client_test.go has what they share: one gateway with everything on, a bucket for each test, and
// requests that no client library would send.
package s3
