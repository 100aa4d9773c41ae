// Package object is how bytes are kept under keys: the Bucket contract, decorators that each add one thing, and Stack,
// which puts them together in the one order that is right. Drivers are in packages below (file, mem, ...), all opens one
// by the name a volume has for it, and objecttest is the suite each of them passes.
//
// Read Bucket, then As, then Stack.
package object
