package mem

import "hash/fnv"

// node is a node of a treap: keys are ordered left to right, ranks fall from top to bottom. Nodes are never changed once
// they are reachable. The rank is a hash of the key, so the shape depends on the keys alone. A nil *node is an empty tree.
type node struct {
	key         string
	data        []byte
	version     uint64
	rank        uint32
	left, right *node
}

func newNode(key string, data []byte, version uint64) *node {
	h := fnv.New64a()
	_, _ = h.Write([]byte(key)) // never fails
	sum := h.Sum64() * 0x9E3779B97F4A7C15
	return &node{key: key, data: data, version: version, rank: uint32(sum >> 32)}
}

// with returns a copy of n with other children.
func (n *node) with(left, right *node) *node {
	c := *n
	c.left, c.right = left, right
	return &c
}

// find returns the node of a key, or nil.
func (n *node) find(key string) *node {
	for n != nil && n.key != key {
		if key < n.key {
			n = n.left
		} else {
			n = n.right
		}
	}
	return n
}

// put returns the tree with e added or in place of the node of the same key.
func (n *node) put(e *node) *node {
	switch {
	case n == nil:
		return e
	case n.key == e.key:
		return e.with(n.left, n.right)
	case e.rank > n.rank: // so the key is not below n
		left, right := n.split(e.key)
		return e.with(left, right)
	case e.key < n.key:
		return n.with(n.left.put(e), n.right)
	}
	return n.with(n.left, n.right.put(e))
}

// split returns the nodes below and above a key that the tree does not hold.
func (n *node) split(key string) (below, above *node) {
	if n == nil {
		return nil, nil
	}
	if key < n.key {
		below, above = n.left.split(key)
		return below, n.with(above, n.right)
	}
	below, above = n.right.split(key)
	return n.with(n.left, below), above
}

// remove returns the tree without a key.
func (n *node) remove(key string) *node {
	switch {
	case n == nil:
		return nil
	case n.key == key:
		return merge(n.left, n.right)
	case key < n.key:
		return n.with(n.left.remove(key), n.right)
	}
	return n.with(n.left, n.right.remove(key))
}

// merge returns the nodes of both trees; all keys of left are below those of right.
func merge(left, right *node) *node {
	switch {
	case left == nil:
		return right
	case right == nil:
		return left
	case left.rank > right.rank:
		return left.with(left.left, merge(left.right, right))
	}
	return right.with(merge(left, right.left), right.right)
}

// walk calls f for the nodes of [from, to) in order while f returns true, and reports whether it always did.
func (n *node) walk(from, to string, f func(*node) bool) bool {
	if n == nil {
		return true
	}
	if n.key >= from {
		if !n.left.walk(from, to, f) {
			return false
		}
		if n.key < to && !f(n) {
			return false
		}
	}
	return n.key >= to || n.right.walk(from, to, f)
}
