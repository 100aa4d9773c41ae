package oracle

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"
)

// Dump is the metadata of a volume as the real client's dump command writes it in JSON, without what tests have no use for.
type Dump struct {
	Setting struct {
		BlockSize   int64 // KiB
		Compression string
		EncryptKey  string
	}
	Counters struct {
		UsedSpace, UsedInodes int64
	}
	Sustained []struct {
		Sid    uint64
		Inodes []uint64
	}
	DelFiles []struct {
		Inode, Length uint64
		Expire        int64
	}
	FSTree, Trash *Node
}

// Node is a file or directory of a dump. Names and values are escaped as the dump format says.
type Node struct {
	Attr struct {
		Inode     uint64
		Type      string
		Mode      uint32
		UID       uint32
		GID       uint32
		Atime     int64
		Mtime     int64
		MtimeNsec int64
		Nlink     uint32
		Length    int64
	}
	Symlink string
	Xattrs  []struct{ Name, Value string }
	Chunks  []struct {
		Index  uint32
		Slices []struct {
			ID   uint64
			Pos  uint32
			Size uint32
			Off  uint32
			Len  uint32
		}
	}
	Entries map[string]*Node
}

// Dump runs the real client's dump command.
func (v *Volume) Dump(t testing.TB) *Dump {
	t.Helper()
	r := Real(t).Must(t, nil, "--no-agent", "dump", v.Meta)
	var d Dump
	if err := json.Unmarshal([]byte(r.Stdout), &d); err != nil {
		t.Fatalf("dump: %v\n%s", err, r.Stdout)
	}
	if d.FSTree == nil {
		t.Fatalf("dump without a tree: %s", r)
	}
	return &d
}

// Blocks returns the sizes in bytes of all blocks that files in the tree and in the trash refer to, as Volume.Blocks does.
func (d *Dump) Blocks() map[string]int64 {
	blocks := d.BlocksOf(d.FSTree)
	maps.Copy(blocks, d.BlocksOf(d.Trash))
	return blocks
}

// BlocksOf is Blocks for what is at n and below.
func (d *Dump) BlocksOf(n *Node) map[string]int64 {
	size := d.Setting.BlockSize << 10
	blocks := map[string]int64{}
	n.Walk("", func(_ string, n *Node) {
		for _, c := range n.Chunks {
			for _, s := range c.Slices {
				if s.ID == 0 { // a hole
					continue
				}
				for i, rest := 0, int64(s.Size); rest > 0; i++ {
					b := min(rest, size)
					blocks[fmt.Sprintf("%d_%d_%d", s.ID, i, b)] = b
					rest -= b
				}
			}
		}
	})
	return blocks
}

// Walk calls f for n, whose path is given, and everything below it, directories before what is in them.
func (n *Node) Walk(path string, f func(path string, n *Node)) {
	if n == nil {
		return
	}
	f(path, n)
	for name, e := range n.Entries {
		e.Walk(path+"/"+name, f)
	}
}

// Find returns the node at a path of the tree, with names as the dump escapes them; nil if there is none.
func (d *Dump) Find(path string) *Node {
	var found *Node
	d.FSTree.Walk("", func(p string, n *Node) {
		if p == path {
			found = n
		}
	})
	return found
}

// totals compares the volume's counters with the sums over the tree and the trash, without their roots.
func (d *Dump) totals() []string {
	var space, inodes int64
	seen := map[uint64]bool{}
	for _, root := range []*Node{d.FSTree, d.Trash} {
		root.Walk("", func(path string, n *Node) {
			if path == "" || seen[n.Attr.Inode] { // hard links count once
				return
			}
			seen[n.Attr.Inode] = true
			inodes++
			space += max((n.Attr.Length+4095)&^4095, 4096)
		})
	}
	var problems []string
	if got := d.Counters.UsedInodes; got != inodes {
		problems = append(problems, fmt.Sprintf("counter of used inodes is %d, the tree has %d", got, inodes))
	}
	if got := d.Counters.UsedSpace; got != space {
		problems = append(problems, fmt.Sprintf("counter of used space is %d, the tree has %d", got, space))
	}
	return problems
}

// compressed says whether blocks may differ in size from the data in them.
func (d *Dump) compressed() bool {
	return d.Setting.Compression != "" && d.Setting.Compression != "none" || d.Setting.EncryptKey != ""
}
