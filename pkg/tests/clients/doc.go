// Package clients runs the gateway against programs that people use with S3 today, unmodified and with their own defaults,
// over HTTP and HTTPS: the AWS SDKs for Go and JavaScript, minio-go of today and of 2021, the npm package minio, the AWS
// command line, both MinIO command line clients, rclone, s3cmd and restic.
//
// Each works on a bucket of its own. It stores what it is given (key "left"), which the test then reads by another client,
// and fetches what another client has stored before. Programs of ours on the libraries are in the folders below and get
// what they need by the environment:
//
//	AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY  as the libraries know them
//	CLIENT_BUCKET  bucket to make
//	CLIENT_IN      file to store under the key "left"
//	CLIENT_SEED    bucket/key of an object to fetch
//	CLIENT_OUT     file to put it in
package clients
