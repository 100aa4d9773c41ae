// Package s3 keeps objects in a bucket of S3 or of a store that speaks its protocol. A key is the key there, so any S3 client
// sees what a volume has stored.
//
// Read Bucket, then the table of forms at address. Requests are built and sent here and signed by minio-go, whose chain of
// credentials, XML types and path encoding this package uses too; docs/design/s3-driver.md says why not its client.
//
// Every object is stored with the CRC-32C of its bytes in its user metadata, in decimal, and a Get of a whole object that
// has one compares. Format: juicefs 1.4.1; s3_checksum_metadata in the vectors.
package s3
