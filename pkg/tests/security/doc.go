// Package security attacks gateways. Each finding of docs/security.md is an attack that succeeds against the original
// gateway, which serves the same S3 front without a guard, and fails against ours. The tests need Linux, the real juicefs of
// the release that ours is compatible with, and take no other service.
package security
