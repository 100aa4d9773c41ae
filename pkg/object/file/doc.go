// Package file keeps objects as files below a folder: the key is the path. It is the driver of volumes with the storage
// "file", and it is the fast one: Put is create, write, rename; reads go straight into the caller's memory.
//
// Format: key and path are the same, temporary files are named ".jfs.<base>.tmp.<number>" in the folder of the object
// and renamed over it, without fsync; a key that ends in "/" is a folder. juicefs 1.4.1, storage "file".
package file
