package redisdb

// What calls of the scripts look like on the wire, for tests that break them.
var (
	CommitHash = commitScript.hash
	WalkHash   = walkScript.hash
)

// SmallDir is how many entries a directory may have before its names are kept in memory.
const SmallDir = smallDir

// Kept returns how many directories have their names in memory.
func (e *Engine) Kept() int {
	e.index.mu.Lock()
	defer e.index.mu.Unlock()
	return len(e.index.dirs)
}

// LimitIndex sets how many bytes of names are kept.
func (e *Engine) LimitIndex(bytes int) { e.index.most = bytes }
