package meta

import "sync"

// aclCache keeps the ACL rules that were seen, by id and by their bytes. Rules never change. The zero value is empty; it is
// safe for concurrent use.
type aclCache struct {
	mu    sync.RWMutex
	rules map[uint32][]byte
	ids   map[string]uint32
}

// rule returns the bytes of a rule, which must not be changed.
func (c *aclCache) rule(id uint32) ([]byte, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	b, ok := c.rules[id]
	return b, ok
}

// id returns the id of a rule.
func (c *aclCache) id(rule []byte) (uint32, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	id, ok := c.ids[string(rule)]
	return id, ok
}

// add keeps a rule; of several ids with equal rules, which other clients may have made, one is used again.
func (c *aclCache) add(id uint32, rule []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rules == nil {
		c.rules, c.ids = map[uint32][]byte{}, map[string]uint32{}
	}
	c.rules[id], c.ids[string(rule)] = rule, id
}
