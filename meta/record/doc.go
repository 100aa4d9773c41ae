// Package record names the small typed records that a volume's metadata is made of, and gives each its canonical bytes.
//
// A record has a [Key] and a value. The value bytes are the same whatever database holds the record: engines that keep
// other forms (SQL columns, Redis hash fields) convert at their own border. Golden vectors and fuzzers in this package
// therefore cover every engine.
//
// # Kinds, key parts and values
//
//	kind       A          B       Name     value
//	Setting    -          -       -        JSON text of [Setting]
//	Counter    -          -       name     i64 big-endian, the logical value (Redis stores two of them one lower)
//	Attr       inode      -       -        [Attr], 72 to 81 bytes
//	Entry      directory  -       name     [Dirent], 9 bytes
//	Parent     inode      parent  -        i64 big-endian, number of links; only for inodes whose Attr.Parent is 0
//	Chunk      inode      index   -        [Slice] records of 24 bytes, oldest first
//	SliceRef   slice id   size    -        i64 big-endian, the real number of references; absent means one
//	Symlink    inode      -       -        target
//	Xattr      inode      -       name     value
//	DirStat    directory  -       -        [DirStat], 24 bytes
//	Quota      [QuotaType] key    -        [Quota], 32 bytes
//	ACL        id         -       -        rule bytes
//	Session    session    -       -        i64 big-endian expire time in seconds, then info JSON
//	Sustained  session    inode   -        one byte, 1
//	Flock      inode      -       -        [Flock] records of 17 bytes
//	Plock      inode      -       -        [Plock] records
//	DelFile    inode      length  -        i64 big-endian time of deletion in seconds
//	DelSlices  slice id   time    -        [SliceID] records of 12 bytes
//	Detached   inode      -       -        i64 big-endian time in seconds
//	Log        number     -       -        one line of text
//
// Everything here is pure: no I/O, no locks, safe for concurrent use. Decoders never keep the bytes they are given
// unless they say so.
package record
