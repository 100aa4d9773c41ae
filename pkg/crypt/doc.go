// Package crypt is encryption at rest as volumes have it: Envelope seals whole objects with a fresh key each, wrapped by
// the volume's RSA key; ParseKey reads that key; SealSecret and OpenSecret hide secrets inside a volume's setting.
//
// Format: juicefs 1.4.1; the vectors in testdata.
package crypt
