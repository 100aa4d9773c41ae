// Package obs is how the program is observed: log lines and the names of metrics.
//
// Layers take a *slog.Logger in their options and use the attribute keys below; none keeps a logger of its own. What a
// layer measures it says through a small interface that it declares itself; the types here fill those interfaces with
// Prometheus metrics, whose names are all in metrics.go.
package obs

// Keys of log attributes, the same everywhere.
const (
	KeyError   = "error"
	KeyPath    = "path"
	KeyInode   = "inode"
	KeySlice   = "slice"
	KeyObject  = "key"
	KeySession = "session"
	KeyVolume  = "volume"
	KeyTook    = "took"
)
